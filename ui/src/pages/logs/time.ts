import { clockTime, localTime } from '../../format/time';

/** `03:12:07.041`, with its day where asked. */
export function preciseTime(ms: number, dated: boolean): string {
  const clock = `${clockTime(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}`;
  return dated ? `${localTime(ms).slice(5, 10)} ${clock}` : clock;
}
