/** Counts of lines by level as columns of stacked bars. */
import type { LogData } from '../../api/loki';
import { parseValue } from '../../api/prometheus';
import { LEVELS, levelOf, type Level } from './levels';

export interface Bars {
  /** Ends of the steps, ms. */
  t: number[];
  /** From the bottom of the stack up: the worst lies at the bottom, where its height can be read. */
  levels: { level: Level; counts: number[]; total: number }[];
  total: number;
}

export function barsOf(data: LogData): Bars {
  const byLevel = new Map<Level, Map<number, number>>();
  const times = new Set<number>();
  if (data.resultType === 'matrix')
    for (const item of data.result) {
      const level = levelOf(item.metric.detected_level ?? item.metric.level);
      const counts = byLevel.get(level) ?? new Map<number, number>();
      byLevel.set(level, counts);
      for (const [at, text] of item.values ?? []) {
        const t = Math.round(at * 1000);
        const n = parseValue(text);
        if (!Number.isFinite(n)) continue;
        times.add(t);
        counts.set(t, (counts.get(t) ?? 0) + n);
      }
    }
  const t = [...times].sort((a, b) => a - b);
  const levels = LEVELS.flatMap((level) => {
    const found = byLevel.get(level);
    if (!found) return [];
    const counts = t.map((at) => found.get(at) ?? 0);
    return [{ level, counts, total: counts.reduce((a, b) => a + b, 0) }];
  });
  return { t, levels, total: levels.reduce((n, l) => n + l.total, 0) };
}

/** Columns for uPlot: sums from the bottom up, seconds first. */
export function stackedColumns({ t, levels }: Bars): number[][] {
  const sums: number[][] = [];
  for (const { counts } of levels) {
    const below = sums.at(-1);
    sums.push(counts.map((n, i) => n + (below?.[i] ?? 0)));
  }
  return [t.map((ms) => ms / 1000), ...sums];
}
