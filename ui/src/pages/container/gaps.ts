/** Places of a container's log where lines are missing, as the server wrote them into its stream. */
import type { RawStream } from '../../api/loki';
import { flatten } from '../logs/entries';

/** Why lines are missing. */
export const GAPS = ['deleted', 'emptied', 'unseen', 'rate', 'other'] as const;
export type GapKind = (typeof GAPS)[number];

export interface Gap {
  id: string;
  /** Milliseconds: the line behind it has this time. */
  ms: number;
  kind: GapKind;
  /** How many bytes are missing at least, where that is known. */
  bytes: number | null;
  /** The server's own words. */
  line: string;
}

/** Newest first. */
export function gapsOf(streams: readonly RawStream[]): Gap[] {
  return flatten(streams, 'newest').map((entry) => {
    const kind = GAPS.find((known) => known === entry.metadata.gap) ?? 'other';
    const bytes = Number(entry.metadata.gap_bytes ?? Number.NaN);
    return { id: entry.id, ms: entry.ms, kind, bytes: Number.isFinite(bytes) ? bytes : null, line: entry.line };
  });
}

/** What is around a gap, as the time range of a page. */
export function around(gap: Gap): { from: string; to: string } {
  const REACH_MS = 60_000;
  return { from: String(gap.ms - REACH_MS), to: String(gap.ms + REACH_MS) };
}
