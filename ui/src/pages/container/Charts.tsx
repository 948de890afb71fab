import { useComputedColorScheme } from '@mantine/core';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Swath } from '../../api/hooks';
import type { ContainerRow, LivePoint } from '../../api/types';
import { ChartPanel } from '../../chart/ChartPanel';
import { colorAt } from '../../chart/color';
import type { Mark } from '../../chart/plot';
import { bytes, format, type Unit } from '../../format/units';
import type { PageRange } from '../../time/useRange';
import { buildLines, type Paint } from './lines';
import { queriesOf, selector, type ChartId } from './queries';

const CHARTS: { id: ChartId; unit: Unit; atLeast?: number }[] = [
  { id: 'cpu', unit: 'cores', atLeast: 0.05 },
  { id: 'memory', unit: 'bytes' },
  { id: 'throttled', unit: 'ratio', atLeast: 0.1 },
  { id: 'pressure', unit: 'ratio', atLeast: 0.1 },
  { id: 'network', unit: 'bytesPerSecond', atLeast: 1024 },
  { id: 'io', unit: 'bytesPerSecond', atLeast: 1024 },
  { id: 'pids', unit: 'count', atLeast: 4 },
];
/** The built-in collection interval; `rate` windows hold four of these. */
const INTERVAL_MS = 10_000;

interface Props {
  row: ContainerRow;
  ring: readonly LivePoint[];
  range: PageRange;
  marks: readonly Mark[];
}

export function usePaint(): Paint {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  return useMemo(
    () => ({
      label: (name) => t(`line.${name as 'limit'}`),
      color: (i) => colorAt(i, scheme),
      limitColor: scheme === 'dark' ? '#f4701f' : '#d2530f',
    }),
    [t, scheme],
  );
}

/** Everything a container uses, on one time axis under one crosshair. */
export function Charts({ row, ring, range, marks }: Props) {
  const { facts } = row;
  const sel = selector(facts);
  return CHARTS.map((c) => (
    <OneChart
      key={c.id}
      {...c}
      sel={sel}
      cpu={facts.cpu_limit ?? 0}
      memory={facts.memory_limit}
      pids={facts.pids_limit}
      ring={ring}
      range={range}
      marks={marks}
    />
  ));
}

interface OneProps {
  id: ChartId;
  unit: Unit;
  atLeast?: number;
  sel: string;
  cpu: number;
  memory: number;
  pids: number;
  ring: readonly LivePoint[];
  range: PageRange;
  marks: readonly Mark[];
}

function OneChart({ id, unit, atLeast, sel, cpu, memory, pids, ring, range, marks }: OneProps) {
  const { t } = useTranslation();
  const paint = usePaint();
  const queries = useMemo(() => (step: number) => queriesOf(id, sel, step, INTERVAL_MS), [id, sel]);
  const lines = useMemo(
    () => (swath: Swath, start: number, end: number) =>
      buildLines(id, swath, ring, { cpu, memory, pids }, start, end, paint),
    [id, ring, cpu, memory, pids, paint],
  );
  let note: ReactNode;
  if (id === 'cpu')
    note = cpu > 0 ? t('container.ofCores', { limit: format(cpu, 'cores') }) : t('container.coresNoLimit');
  if (id === 'memory') note = memory > 0 ? t('container.ofBytes', { limit: bytes(memory) }) : t('fact.noLimit');
  return (
    <ChartPanel
      title={t(`container.chart.${id}`)}
      unit={unit}
      id={`container:${sel}:${id}`}
      queries={queries}
      lines={lines}
      range={range}
      marks={marks}
      note={note}
      atLeast={atLeast}
      liveEnd={ring.at(-1)?.t}
      height={156}
    />
  );
}
