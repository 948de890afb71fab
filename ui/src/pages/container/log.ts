/** The lines of a live tail: bounded, searchable. */
import type { LogLine } from '../../api/types';

export interface ShownLine extends LogLine {
  /** Grows with every line that came. */
  n: number;
}

export const KEPT_LINES = 2000;

/** The newest lines; older ones fall out. */
export function appendLines(kept: readonly ShownLine[], more: readonly ShownLine[], limit = KEPT_LINES): ShownLine[] {
  const all = kept.concat(more);
  return all.length > limit ? all.slice(all.length - limit) : all;
}

// Colour and cursor codes of terminals: they are for a terminal, not for a page.
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export function plain(text: string): string {
  return text.replace(ANSI, '').replace(/\r/g, '');
}

/** Pieces of a line, every second of them a hit. */
export function splitHits(text: string, search: string): string[] {
  if (search === '') return [text];
  const out: string[] = [];
  const lower = text.toLowerCase();
  const needle = search.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    out.push(text.slice(from, at), text.slice(at, at + needle.length));
    from = at + needle.length;
  }
  out.push(text.slice(from));
  return out;
}

/** Milliseconds of a line's time, or `null` where the runtime gave none. */
export function lineMs(tNs: string): number | null {
  if (!/^\d{7,}$/.test(tNs)) return null;
  const ms = Number(tNs.slice(0, -6));
  return ms > 0 ? ms : null;
}
