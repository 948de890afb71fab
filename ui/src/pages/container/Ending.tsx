import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLastMinutes } from '../../api/hooks';
import type { ContainerRow, LastMinutes } from '../../api/types';
import { Chart } from '../../chart/Chart';
import { colorAt } from '../../chart/color';
import type { Line } from '../../chart/plot';
import { localTime, utcTime } from '../../format/time';
import { useRange } from '../../time/useRange';
import classes from './Ending.module.css';
import { usePaint } from './Charts';
import { LINES, ringPoints } from './lines';

const SPAN_MS = 120_000;

/** How a container ended, and its last two minutes second by second. */
export function Ending({ row }: { row: ContainerRow }) {
  const { t } = useTranslation();
  const { facts } = row;
  const last = useLastMinutes(facts.id, true);
  const at = facts.finished_ms || facts.removed_ms;
  const code = facts.exit_code;
  const how = facts.oom_killed ? t('ending.oom') : code === 0 ? t('ending.well') : t('ending.plain');
  return (
    <section className={`panel ${classes.box}`} aria-label={t('ending.title')}>
      <h2 className={classes.title}>
        {how}
        {' · '}
        <time dateTime={new Date(at).toISOString()} title={utcTime(at)}>
          {localTime(at)}
        </time>
        {code !== null && ` · ${t('verdict.exit', { code })}`}
      </h2>
      {facts.error && <p className={classes.error}>{facts.error}</p>}
      {last.data && last.data.points.length > 0 ? (
        <LastCharts last={last.data} />
      ) : (
        <p className="muted">{last.isLoading ? '' : t('ending.noSeconds')}</p>
      )}
    </section>
  );
}

function LastCharts({ last }: { last: LastMinutes }) {
  const { t } = useTranslation();
  const paint = usePaint();
  const scheme = useComputedColorScheme('light');
  const range = useRange();
  const start = last.died_ms - SPAN_MS;
  const lines = useMemo(() => {
    const pick = (chart: 'cpu' | 'memory'): Line[] =>
      LINES[chart].flatMap((spec) =>
        spec.field
          ? [
              {
                key: spec.name,
                label: paint.label(spec.name),
                color: colorAt(spec.color, scheme),
                points: ringPoints(last.points, spec.field),
              },
            ]
          : [],
      );
    return { cpu: pick('cpu'), memory: pick('memory') };
  }, [last, paint, scheme]);
  const marks = [{ t: last.died_ms, kind: 'die' as const, title: localTime(last.died_ms) }];
  return (
    <div className={classes.pair}>
      {(['cpu', 'memory'] as const).map((chart) => (
        <div key={chart}>
          <h3 className={classes.sub}>{t(chart === 'cpu' ? 'ending.cpu' : 'ending.memory')}</h3>
          <Chart
            label={t(chart === 'cpu' ? 'ending.cpu' : 'ending.memory')}
            lines={lines[chart]}
            unit={chart === 'cpu' ? 'cores' : 'bytes'}
            stacked={false}
            start={start}
            end={last.died_ms + 2000}
            gapMs={3500}
            height={120}
            syncKey="ending"
            marks={marks}
            onZoom={range.zoom}
            onBack={range.back}
          />
        </div>
      ))}
    </div>
  );
}
