/** Reading long answers page by page. */
import { queryLines, type LinesAsk } from '../../api/loki';
import { flatten, plusNs, type Entry, type Order } from './entries';

export interface Window {
  /** Nanoseconds: from here on, and before that. */
  start: string;
  end: string;
}

export interface Page {
  entries: Entry[];
  /** What is left to read, or `null` at the end. */
  next: Window | null;
}

/** What follows a page that was full. The time of its last line is asked for again: more lines may share it. */
export function rest(last: string, asked: Window, order: Order): Window | null {
  if (order === 'newest') {
    const end = plusNs(last, 1);
    // A page full of one nanosecond: what it cannot hold is passed over, or reading would never end.
    const left = { start: asked.start, end: end === asked.end ? last : end };
    return BigInt(left.end) > BigInt(left.start) ? left : null;
  }
  const left = { start: last === asked.start ? plusNs(last, 1) : last, end: asked.end };
  return BigInt(left.end) > BigInt(left.start) ? left : null;
}

type Ask = (ask: LinesAsk, signal?: AbortSignal) => ReturnType<typeof queryLines>;

export async function readPage(
  query: string,
  window: Window,
  order: Order,
  limit: number,
  signal?: AbortSignal,
  lines: Ask = queryLines,
): Promise<Page> {
  const direction = order === 'newest' ? 'backward' : 'forward';
  const entries = flatten(await lines({ query, ...window, limit, direction }, signal), order);
  const last = entries.at(-1);
  return { entries, next: last && entries.length >= limit ? rest(last.ns, window, order) : null };
}
