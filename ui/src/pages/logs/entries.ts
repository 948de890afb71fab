/** Log lines as the page keeps them: one list in the order of time, each with an id that a URL can hold. */
import type { RawStream } from '../../api/loki';
import type { LabelSet } from '../../api/prometheus';
import { identityHash } from '../../chart/color';
import { plain } from './text';
import { levelIn, type Level } from './levels';

export interface Entry {
  /** Time and a hash of stream and line: the same line has the same id however it was found. */
  id: string;
  /** Nanoseconds since the epoch, as text: numbers of this size lose digits. */
  ns: string;
  /** Milliseconds. */
  ms: number;
  /** Without the colours that were meant for a terminal. */
  line: string;
  stream: LabelSet;
  /** Sent beside the line. */
  metadata: LabelSet;
  /** Found in the line as it arrived. */
  detected: LabelSet;
  /** Made by the query's parsers. */
  parsed: LabelSet;
  level: Level;
}

export type Order = 'newest' | 'oldest';

export function msOf(ns: string): number {
  return Number(ns.slice(0, -6) || '0');
}

/** Times of the same length compare as text; others by length. */
export function compareNs(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function streamKey(stream: LabelSet): string {
  return Object.keys(stream)
    .sort()
    .map((k) => `${k}=${stream[k] ?? ''}`)
    .join('\u0001');
}

/** What entries of a stream are called by: labels of identity, not what a line of it happens to carry. */
function identity(stream: LabelSet, labels: ReadonlySet<string> | null): LabelSet {
  if (!labels) return stream;
  return Object.fromEntries(Object.entries(stream).filter(([k]) => labels.has(k)));
}

/**
 * One list out of streams. Where the answer does not keep the categories apart (the tail does not), `labels` says what
 * belongs to the stream; the rest came with the line.
 */
export function flatten(
  streams: readonly RawStream[],
  order: Order,
  labels: ReadonlySet<string> | null = null,
): Entry[] {
  const out: Entry[] = [];
  for (const raw of streams) {
    const stream = identity(raw.stream, labels);
    const rest = labels ? Object.fromEntries(Object.entries(raw.stream).filter(([k]) => !labels.has(k))) : {};
    const key = streamKey(stream);
    for (const [ns, line, more] of raw.values) {
      const metadata = { ...rest, ...more?.structuredMetadata };
      const parsed = more?.parsed ?? {};
      const detected = more?.detected ?? {};
      out.push({
        id: `${ns}-${identityHash(`${key}\u0002${line}`).toString(36)}`,
        ns,
        ms: msOf(ns),
        line: plain(line),
        stream,
        metadata,
        detected,
        parsed,
        level: levelIn({ ...detected, ...stream, ...parsed, ...metadata }),
      });
    }
  }
  const sign = order === 'newest' ? -1 : 1;
  // Lines of one time stay as the server put them.
  return numbered(out.map((e, i) => ({ e, i })).sort((a, b) => sign * compareNs(a.e.ns, b.e.ns) || a.i - b.i)).map(
    ({ e }) => e,
  );
}

/** The same line twice at one time is two lines. */
function numbered<T extends { e: Entry }>(list: T[]): T[] {
  const seen = new Map<string, number>();
  for (const item of list) {
    const n = seen.get(item.e.id) ?? 0;
    seen.set(item.e.id, n + 1);
    if (n > 0) item.e = { ...item.e, id: `${item.e.id}.${n}` };
  }
  return list;
}

/** `list` continued by `more`; lines that both have appear once. */
export function joined(list: readonly Entry[], more: readonly Entry[]): Entry[] {
  const have = new Set(list.map((e) => e.id));
  return [...list, ...more.filter((e) => !have.has(e.id))];
}

/** The time of an id, where it is one. */
export function nsOfId(id: string | undefined): string | null {
  return /^(\d{7,20})-/.exec(id ?? '')?.[1] ?? null;
}

/** Adds nanoseconds to a time. */
export function plusNs(ns: string, by: number | bigint): string {
  return String(BigInt(ns) + BigInt(by));
}

/** A selector of exactly this stream. */
export function selectorOf(stream: LabelSet): string {
  const inner = Object.entries(stream)
    .filter(([, v]) => v !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`);
  return `{${inner.join(', ')}}`;
}

/** What a row is called by: the container, or the nearest thing to one. */
export function sourceOf(stream: LabelSet): string {
  for (const name of ['container', 'pod', 'compose_service', 'service_name', 'service', 'app', 'job', 'filename']) {
    const value = stream[name];
    if (value) return value;
  }
  return Object.values(stream)[0] ?? '';
}

/** Lines at one end, kept to `limit`. */
export function newestFirst(list: readonly Entry[], more: readonly Entry[], limit: number): Entry[] {
  const all = joined(more, list);
  return all.length > limit ? all.slice(0, limit) : all;
}
