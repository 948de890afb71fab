import { useComputedColorScheme } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Chart } from '../../chart/Chart';
import { CursorStore } from '../../chart/cursor';
import { Legend } from '../../chart/Legend';
import { unitOfMetric } from '../../format/units';
import type { PageRange } from '../../time/useRange';
import type { Ran } from './ExplorePage';
import { graphLines, metricIn } from './result';

/** More lines than this are a carpet. */
const MOST_LINES = 100;

export function ResultGraph({ ran, query, range }: { ran: Ran; query: string; range: PageRange }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const cursor = useRef(new CursorStore()).current;
  const { data } = ran.answer;
  const lines = useMemo(() => graphLines(data, scheme, MOST_LINES), [data, scheme]);
  const all = data.resultType === 'matrix' ? data.result.length : 0;
  const unit = useMemo(() => guessUnit(query), [query]);
  const gapMs = ran.step * 1.5;
  return (
    <>
      {all > MOST_LINES && <p className="muted">{t('explore.firstOf', { shown: MOST_LINES, count: all })}</p>}
      <Chart
        label={t('chart.of', { title: query })}
        lines={lines}
        unit={unit}
        stacked={false}
        start={ran.start}
        end={ran.end}
        gapMs={gapMs}
        height={320}
        syncKey="page"
        onZoom={range.zoom}
        onBack={range.back}
        onCursor={cursor.set}
      />
      <Legend lines={lines} unit={unit} gapMs={gapMs} cursor={cursor} />
    </>
  );
}

/** A unit only where the whole query keeps that of its metric. */
function guessUnit(query: string) {
  const metric = metricIn(query);
  if (metric === null || /[/*^]|\bcount\b|quantile|\bby \(le\b/.test(query.replace(/\{[^}]*\}/g, ''))) return 'none';
  return unitOfMetric(metric, /\b(rate|irate|deriv)\s*\(/.test(query));
}
