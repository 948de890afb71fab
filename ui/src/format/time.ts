/** Times in the viewer's zone, and the same in UTC for the hover. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

/** `2026-11-21 03:12:07` in the viewer's zone. */
export function localTime(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clockTime(ms)}`;
}

/** `03:12:07` in the viewer's zone. */
export function clockTime(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

/** `2026-11-21 03:12:07 UTC`. */
export function utcTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

export type DurationUnit = 'second' | 'minute' | 'hour' | 'day';

/** The largest whole unit that a duration fills at least once. */
export function durationParts(ms: number): { n: number; unit: DurationUnit } {
  const a = Math.max(0, ms);
  if (a >= 2 * DAY) return { n: Math.floor(a / DAY), unit: 'day' };
  if (a >= 2 * HOUR) return { n: Math.floor(a / HOUR), unit: 'hour' };
  if (a >= 2 * MINUTE) return { n: Math.floor(a / MINUTE), unit: 'minute' };
  return { n: Math.floor(a / 1000), unit: 'second' };
}

/** A duration in the words of `locale`: `3 hr`, `3시간`. */
export function duration(ms: number, locale: string): string {
  const { n, unit } = durationParts(ms);
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(n);
}

/** A chosen span, in the largest unit that says it exactly: `1 hr`, `90 min`. */
export function span(ms: number, locale: string): string {
  const units = [
    [DAY, 'day'],
    [HOUR, 'hour'],
    [MINUTE, 'minute'],
  ] as const;
  const [size, unit] = units.find(([s]) => ms >= s && ms % s === 0) ?? [1000, 'second'];
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(ms / size);
}

/** How long ago in the words of `locale`: `3 hr. ago`, `3시간 전`. */
export function ago(ms: number, now: number, locale: string): string {
  const { n, unit } = durationParts(now - ms);
  return new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'short' }).format(-n, unit);
}
