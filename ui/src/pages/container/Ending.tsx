import { useComputedColorScheme } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useLastMinutes } from '../../api/hooks';
import type { ContainerFacts, ContainerRow, LastMinutes } from '../../api/types';
import { Chart } from '../../chart/Chart';
import { colorAt } from '../../chart/color';
import { CursorStore } from '../../chart/cursor';
import { Legend } from '../../chart/Legend';
import type { Line } from '../../chart/plot';
import { localTime, utcTime } from '../../format/time';
import { useRange } from '../../time/useRange';
import classes from './Ending.module.css';
import { usePaint } from './Charts';
import { LINES, ringPoints } from './lines';

const SPAN_MS = 120_000;
/** Seconds that are missing break the line; a limit is drawn through. */
const GAP_MS = 3500;

/** How a container ended, and its last two minutes second by second. */
export function Ending({ row }: { row: ContainerRow }) {
  const { t } = useTranslation();
  const { facts } = row;
  const last = useLastMinutes(facts.id, true);
  const at = facts.finished_ms || facts.removed_ms;
  const code = facts.exit_code;
  const how = t(`ending.${endingKey(facts)}`);
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
        <LastCharts last={last.data} memoryLimit={facts.memory_limit} cpuLimit={facts.cpu_limit ?? 0} />
      ) : (
        <p className="muted">{last.isLoading ? '' : t('ending.noSeconds')}</p>
      )}
    </section>
  );
}

/** Which words tell how it ended. */
export function endingKey(f: Pick<ContainerFacts, 'oom_killed' | 'exit_reason' | 'exit_code'>) {
  if (f.oom_killed || f.exit_reason === 'oom_killed') return 'oom';
  if (f.exit_reason === 'start_failed') return 'startFailed';
  if (f.exit_reason === 'stopped') return 'stopped';
  return f.exit_code === 0 ? 'well' : 'plain';
}

interface LastProps {
  last: LastMinutes;
  memoryLimit: number;
  cpuLimit: number;
}

function LastCharts({ last, memoryLimit, cpuLimit }: LastProps) {
  const cursors = useRef({ cpu: new CursorStore(), memory: new CursorStore() }).current;
  const { t } = useTranslation();
  const paint = usePaint();
  const scheme = useComputedColorScheme('light');
  const range = useRange();
  const start = last.died_ms - SPAN_MS;
  const lines = useMemo(() => {
    const pick = (chart: 'cpu' | 'memory', limit: number): Line[] => {
      const lines = LINES[chart].flatMap((spec): Line[] => {
        if (!spec.field) return [];
        const points = ringPoints(last.points, spec.field);
        return [{ key: spec.name, label: paint.label(spec.name), color: colorAt(spec.color, scheme), points }];
      });
      if (limit > 0)
        lines.push({
          key: 'limit',
          label: paint.label('limit'),
          color: paint.limitColor,
          points: { t: [last.died_ms - SPAN_MS, last.died_ms], v: [limit, limit] },
          limit: true,
        });
      return lines;
    };
    return { cpu: pick('cpu', cpuLimit), memory: pick('memory', memoryLimit) };
  }, [last, paint, scheme, cpuLimit, memoryLimit]);
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
            gapMs={GAP_MS}
            height={120}
            syncKey="ending"
            marks={marks}
            onZoom={range.zoom}
            onBack={range.back}
            onCursor={cursors[chart].set}
          />
          <Legend
            lines={lines[chart]}
            unit={chart === 'cpu' ? 'cores' : 'bytes'}
            gapMs={GAP_MS}
            cursor={cursors[chart]}
          />
        </div>
      ))}
    </div>
  );
}
