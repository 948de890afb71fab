/** Patterns of lines: counted, dated, and compared with the time before. */
import type { RawPattern } from '../../api/loki';
import { levelOf, type Level } from './levels';

export interface PatternRow {
  key: string;
  pattern: string;
  level: Level;
  count: number;
  /** Of all lines that have a pattern, 0 to 1. */
  share: number;
  /** One value a step. */
  trend: number[];
  /** Milliseconds. */
  first: number;
  last: number;
  /** A message of it. */
  example: string;
  change: 'new' | 'gone' | null;
}

interface Merged {
  pattern: string;
  level: Level;
  samples: Map<number, number>;
  example: string;
  /** Milliseconds, where they are known. */
  first: number;
  last: number;
}

/** Nanoseconds as text, in milliseconds. */
const ms = (ns: string | undefined, unknown: number) => (ns === undefined ? unknown : Number(BigInt(ns) / 1_000_000n));

/** The same pattern at the same level, from whichever stream, is one. */
function merge(list: readonly RawPattern[]): Map<string, Merged> {
  const out = new Map<string, Merged>();
  for (const raw of list) {
    const level = levelOf(raw.level);
    const key = `${level} ${raw.pattern}`;
    const one: Merged = out.get(key) ?? {
      pattern: raw.pattern,
      level,
      samples: new Map<number, number>(),
      example: raw.example ?? '',
      first: Infinity,
      last: -Infinity,
    };
    out.set(key, one);
    one.first = Math.min(one.first, ms(raw.first, Infinity));
    one.last = Math.max(one.last, ms(raw.last, -Infinity));
    for (const [t, n] of raw.samples) if (n > 0) one.samples.set(t * 1000, (one.samples.get(t * 1000) ?? 0) + n);
  }
  return out;
}

/** Values of a trend where nothing is said. */
const TREND = 60;

/** Rows for a table, the most frequent first; those that are gone come last. */
export function patternRows(
  now: readonly RawPattern[],
  before: readonly RawPattern[] | null,
  span: { start: number; end: number },
  buckets = TREND,
): PatternRow[] {
  const current = merge(now);
  const earlier = before ? merge(before) : null;
  const rows: PatternRow[] = [];
  for (const [key, m] of current) rows.push(rowOf(key, m, span, earlier && !earlier.has(key) ? 'new' : null, buckets));
  const total = rows.reduce((n, r) => n + r.count, 0);
  const width = span.end - span.start;
  const past = { start: span.start - width, end: span.start };
  const gone: PatternRow[] = [];
  for (const [key, m] of earlier ?? []) if (!current.has(key)) gone.push(rowOf(key, m, past, 'gone', buckets));
  const shown = rows.filter((r) => r.count > 0).map((r) => ({ ...r, share: total > 0 ? r.count / total : 0 }));
  const most = (a: PatternRow, b: PatternRow) => b.count - a.count || (a.pattern < b.pattern ? -1 : 1);
  return [...shown.sort(most), ...gone.filter((r) => r.count > 0).sort(most)];
}

function rowOf(
  key: string,
  m: Merged,
  span: { start: number; end: number },
  change: PatternRow['change'],
  buckets: number,
): PatternRow {
  const trend = new Array<number>(buckets).fill(0);
  let [count, first, last] = [0, Infinity, 0];
  for (const [t, n] of m.samples) {
    count += n;
    first = Math.min(first, t);
    last = Math.max(last, t);
    const i = Math.floor(((t - span.start) / (span.end - span.start)) * buckets);
    const at = Math.min(buckets - 1, Math.max(0, i));
    trend[at] = (trend[at] ?? 0) + n;
  }
  if (Number.isFinite(m.first) && Number.isFinite(m.last)) [first, last] = [m.first, m.last];
  return { key, pattern: m.pattern, level: m.level, count, share: 0, trend, first, last, example: m.example, change };
}

/** The query with the lines of one pattern only, or without them. */
export function withPattern(logql: string, pattern: string, not: boolean): string {
  return `${logql.trim()} ${not ? '!>' : '|>'} ${JSON.stringify(pattern)}`;
}

/** Pieces of a pattern, every second of them a variable. */
export function splitPattern(pattern: string): string[] {
  return pattern.split(/(<_>)/);
}
