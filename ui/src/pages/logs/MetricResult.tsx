import { useComputedColorScheme } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Chart } from '../../chart/Chart';
import { CursorStore } from '../../chart/cursor';
import { Legend } from '../../chart/Legend';
import type { PageRange } from '../../time/useRange';
import { graphLines } from '../explore/result';
import { EmptyLogs } from './EmptyLogs';
import classes from './Logs.module.css';
import type { MetricAnswer } from './useLogs';

/** More lines than this are a carpet. */
const MOST_LINES = 100;

/** The answer to a LogQL query that counts: lines over time. */
export function MetricResult({
  answer,
  range,
  onText,
}: {
  answer: MetricAnswer;
  range: PageRange;
  onText: (text: string) => void;
}) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const cursor = useRef(new CursorStore()).current;
  const { data } = answer;
  const matrix = data.resultType === 'matrix' ? data : null;
  const lines = useMemo(() => (matrix ? graphLines(matrix, scheme, MOST_LINES) : []), [matrix, scheme]);
  if (lines.length === 0)
    return (
      <div className={`panel ${classes.main} ${classes.blank}`}>
        <EmptyLogs logql={answer.query} range={range} onText={onText} />
      </div>
    );
  return (
    <div className={`panel ${classes.main} ${classes.chart}`}>
      {(matrix?.result.length ?? 0) > MOST_LINES && (
        <p className="muted">{t('explore.firstOf', { shown: MOST_LINES, count: matrix?.result.length ?? 0 })}</p>
      )}
      <Chart
        label={t('logs.metric')}
        lines={lines}
        unit="none"
        stacked={false}
        start={answer.start}
        end={answer.end}
        gapMs={answer.step * 1.5}
        height={320}
        syncKey="page"
        onZoom={range.zoom}
        onBack={range.back}
        onCursor={cursor.set}
      />
      <Legend lines={lines} unit="none" gapMs={answer.step * 1.5} cursor={cursor} />
    </div>
  );
}
