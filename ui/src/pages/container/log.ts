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

/** Milliseconds of a line's time, or `null` where the runtime gave none. */
export function lineMs(tNs: string): number | null {
  if (!/^\d{7,}$/.test(tNs)) return null;
  const ms = Number(tNs.slice(0, -6));
  return ms > 0 ? ms : null;
}
