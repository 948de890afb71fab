/** The one time range of a page, as it stands in the URL (`from`, `to`). */

export interface RangeText {
  from: string;
  to: string;
}

export interface Range {
  /** Milliseconds since the Unix epoch. */
  start: number;
  end: number;
  /** Whether the end moves with the clock. */
  live: boolean;
}

export const DEFAULT_RANGE: RangeText = { from: 'now-1h', to: 'now' };
export const PRESETS = ['5m', '15m', '1h', '3h', '6h', '12h', '1d', '2d', '7d', '15d'] as const;

const UNITS: Record<string, number> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };

/** `1h30m` in milliseconds, or `null`. */
export function parseDuration(text: string): number | null {
  const t = text.trim().replace(/\s+/g, '');
  if (!/^(\d+(\.\d+)?[smhdw])+$/.test(t)) return null;
  let total = 0;
  for (const m of t.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) total += Number(m[1]) * (UNITS[m[2] ?? 's'] ?? 0);
  return total;
}

/** A moment: `now`, `now-1h`, milliseconds, or a date as people write it. */
export function parseMoment(text: string, now: number): number | null {
  const t = text.trim();
  if (t === 'now') return now;
  const relative = /^now\s*-\s*(.+)$/.exec(t);
  if (relative) {
    const d = parseDuration(relative[1] ?? '');
    return d === null ? null : now - d;
  }
  if (/^\d{12,14}$/.test(t)) return Number(t);
  if (/^\d{9,10}(\.\d+)?$/.test(t)) return Number(t) * 1000;
  if (!/^\d{4}-\d{2}-\d{2}/.test(t)) return null;
  const ms = Date.parse(/[tT ]\d/.test(t) ? t.replace(' ', 'T') : `${t}T00:00:00`);
  return Number.isNaN(ms) ? null : ms;
}

/** Reads both ends; `null` where they make no range. A range is at least one second long. */
export function resolveRange(text: RangeText, now: number): Range | null {
  const start = parseMoment(text.from, now);
  const end = parseMoment(text.to, now);
  if (start === null || end === null || end - start < 1000) return null;
  return { start, end, live: text.to.trim() === 'now' && text.from.trim().startsWith('now') };
}

/** What a person types into the range box: `2h`, `now-2h`, or `2026-11-21 03:00 .. 2026-11-21 04:00`. */
export function parseTyped(text: string, now: number): RangeText | null {
  const t = text.trim();
  if (parseDuration(t) !== null) return { from: `now-${t.replace(/\s+/g, '')}`, to: 'now' };
  const [a, b] = t.split(/\s+(?:\.\.|to|~|–)\s+|\.\./);
  if (a === undefined) return null;
  // `2026-11-21 03:00 .. 04:00`: the same day.
  const day = /^\d{4}-\d{2}-\d{2}/.exec(a.trim())?.[0];
  const end = b !== undefined && day && /^\d{1,2}:\d{2}/.test(b.trim()) ? `${day} ${b.trim()}` : b;
  const typed = { from: absolute(a, now), to: end === undefined ? 'now' : absolute(end, now) };
  return resolveRange(typed, now) === null ? null : typed;
}

function absolute(text: string, now: number): string {
  const t = text.trim();
  if (t.startsWith('now')) return t.replace(/\s+/g, '');
  const ms = parseMoment(t, now);
  return ms === null ? t : String(ms);
}

/** `1h` for a live range, or `null` where the range is fixed. */
export function liveSpan(text: RangeText): string | null {
  const m = /^now-(.+)$/.exec(text.from);
  return m && text.to === 'now' ? (m[1] ?? null) : null;
}

const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** A round step in ms for about `points` points, not below `floorMs`. */
export function stepFor(range: Range, points: number, floorMs: number): number {
  const want = Math.max((range.end - range.start) / Math.max(points, 1), floorMs) / 1000;
  const step = STEPS.find((s) => s >= want) ?? Math.ceil(want / 86_400) * 86_400;
  return step * 1000;
}

/** Start and end on the step's grid, so that a moving range asks for the same points again. */
export function onGrid(range: Range, step: number): { start: number; end: number } {
  return { start: Math.floor(range.start / step) * step, end: Math.floor(range.end / step) * step };
}

/** A window for `rate` that holds at least four samples at `interval`, and no gap between steps. */
export function rateWindow(step: number, intervalMs: number): string {
  const s = Math.max(step, intervalMs * 4) / 1000;
  return `${Math.ceil(s)}s`;
}
