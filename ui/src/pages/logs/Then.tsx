import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive, type Swath } from '../../api/hooks';
import { queryInstant } from '../../api/prometheus';
import { parseValue } from '../../api/prometheus';
import type { LivePoint } from '../../api/types';
import { ChartPanel } from '../../chart/ChartPanel';
import type { Mark } from '../../chart/plot';
import { localTime } from '../../format/time';
import { format, type Unit } from '../../format/units';
import { useRange, type PageRange } from '../../time/useRange';
import { usePaint } from '../container/Charts';
import { buildLines } from '../container/lines';
import { queriesOf, selector, type ChartId } from '../container/queries';
import type { Entry } from './entries';
import classes from './LinePanel.module.css';

const CHARTS: { id: ChartId; unit: Unit; atLeast?: number }[] = [
  { id: 'cpu', unit: 'cores', atLeast: 0.05 },
  { id: 'memory', unit: 'bytes' },
  { id: 'throttled', unit: 'ratio', atLeast: 0.1 },
  { id: 'network', unit: 'bytesPerSecond', atLeast: 1024 },
];
/** Shown on either side of the line. */
const MARGIN_MS = 300_000;
const INTERVAL_MS = 10_000;
const NO_RING: readonly LivePoint[] = [];

/** The container that wrote the line, where it says one. */
export function containerOf(entry: Entry): string | null {
  return entry.stream.container_id || entry.metadata.container_id || entry.parsed.container_id || null;
}

/** A range that stands still around a moment; zooming in it zooms the page. */
export function rangeAround(ms: number, page: PageRange): PageRange {
  const [start, end] = [ms - MARGIN_MS, ms + MARGIN_MS];
  return {
    ...page,
    text: { from: String(start), to: String(end) },
    live: false,
    now: () => ({ start, end, live: false }),
  };
}

/** What the container of a line used at that second. */
export function Then({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const id = containerOf(entry);
  if (id === null) return <p className="muted">{t('logs.panel.noContainer')}</p>;
  return <Metrics id={id} ms={entry.ms} />;
}

function Metrics({ id, ms }: { id: string; ms: number }) {
  const { t } = useTranslation();
  const { rows } = useLive();
  const facts = rows.get(id)?.facts;
  const sel = selector({ id, runtime: facts?.runtime ?? 'docker' });
  const page = useRange();
  const range = useMemo(() => rangeAround(ms, page), [ms, page]);
  const marks = useMemo<Mark[]>(() => [{ t: ms, kind: 'other', title: localTime(ms) }], [ms]);
  const limits = { cpu: facts?.cpu_limit ?? 0, memory: facts?.memory_limit ?? 0, pids: facts?.pids_limit ?? 0 };
  return (
    <>
      <Values sel={sel} ms={ms} />
      <div className={classes.charts}>
        {CHARTS.map((c) => (
          <One key={c.id} {...c} sel={sel} range={range} marks={marks} {...limits} />
        ))}
      </div>
      <p>
        <Link to="/containers/$id" params={{ id }} search={{ from: range.text.from, to: range.text.to }}>
          {t('logs.panel.openContainer')}
        </Link>
      </p>
    </>
  );
}

function Values({ sel, ms }: { sel: string; ms: number }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ['log-then', sel, ms],
    queryFn: async ({ signal }) => {
      const one = async (query: string | undefined) => {
        const { data } = await queryInstant(query ?? '', ms, signal);
        const value = data.resultType === 'vector' ? data.result[0]?.value?.[1] : undefined;
        return value === undefined ? null : parseValue(value);
      };
      const [cpu] = queriesOf('cpu', sel, INTERVAL_MS, INTERVAL_MS);
      const [memory] = queriesOf('memory', sel, INTERVAL_MS, INTERVAL_MS);
      return { cpu: await one(cpu), memory: await one(memory) };
    },
    staleTime: 60_000,
    retry: false,
  });
  return (
    <dl className={classes.values}>
      <div>
        <dt>{t('logs.panel.cpu')}</dt>
        <dd>{t('containers.coresShort', { cores: format(data?.cpu, 'cores') })}</dd>
      </div>
      <div>
        <dt>{t('logs.panel.memory')}</dt>
        <dd>{format(data?.memory, 'bytes')}</dd>
      </div>
      <div>
        <dt>{t('logs.panel.atThatSecond', { time: localTime(ms) })}</dt>
      </div>
    </dl>
  );
}

interface OneProps {
  id: ChartId;
  unit: Unit;
  atLeast?: number;
  sel: string;
  range: PageRange;
  marks: readonly Mark[];
  cpu: number;
  memory: number;
  pids: number;
}

function One({ id, unit, atLeast, sel, range, marks, cpu, memory, pids }: OneProps) {
  const { t } = useTranslation();
  const paint = usePaint();
  const queries = useMemo(() => (step: number) => queriesOf(id, sel, step, INTERVAL_MS), [id, sel]);
  const lines = useMemo(
    () => (swath: Swath, start: number, end: number) =>
      buildLines(id, swath, NO_RING, { cpu, memory, pids }, start, end, paint),
    [id, cpu, memory, pids, paint],
  );
  return (
    <ChartPanel
      title={t(`container.chart.${id}`)}
      unit={unit}
      id={`log-then:${sel}:${id}`}
      queries={queries}
      lines={lines}
      range={range}
      marks={marks}
      atLeast={atLeast}
      legend={false}
      height={110}
    />
  );
}
