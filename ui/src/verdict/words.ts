import type { TFunction } from 'i18next';
import type { Verdict } from '../api/types';
import { bytes, format, percent } from '../format/units';
import { duration } from '../format/time';

type Values = Verdict['values'];

function num(values: Values, key: string): number | null {
  const v = values[key];
  return v === undefined || v === null || !Number.isFinite(v) ? null : v;
}

/** A part of the sentence that is left out where its figure is not known. */
function when(value: number | null, say: (v: number) => string): string {
  return value === null ? '' : say(value);
}

function memory(values: Values, t: TFunction, locale: string): string {
  const needed = num(values, 'needed_share');
  const share = num(values, 'share');
  const pressure = num(values, 'pressure');
  const growth = num(values, 'growth_per_second');
  const full = num(values, 'seconds_to_full');
  const parts = [
    t('verdict.memory_near_limit', {
      share: percent(needed ?? share ?? 0),
      limit: when(num(values, 'limit'), bytes),
    }),
  ];
  if (pressure !== null && pressure >= 0.1) parts.push(t('verdict.waits', { share: percent(pressure) }));
  // Slower than a kilobyte a minute is not growth that a person would act on.
  if (growth !== null && growth * 60 >= 1024) parts.push(t('verdict.growing', { rate: bytes(growth * 60) }));
  if (full !== null && full > 0 && full < 86_400)
    parts.push(t('verdict.full', { time: duration(full * 1000, locale) }));
  return parts.join(t('verdict.join'));
}

function sentence(v: Verdict, t: TFunction, locale: string): string {
  const share = percent(num(v.values, 'share') ?? 0);
  switch (v.code) {
    case 'memory_near_limit':
      return memory(v.values, t, locale);
    case 'cpu_throttled': {
      const limit = num(v.values, 'limit');
      return limit !== null && limit > 0
        ? t('verdict.cpu_throttled', { share, limit: format(limit, 'cores') })
        : t('verdict.cpu_throttled_plain', { share });
    }
    case 'pids_near_limit':
      return t('verdict.pids_near_limit', {
        pids: format(num(v.values, 'pids'), 'count'),
        limit: format(num(v.values, 'limit'), 'count'),
      });
    case 'io_pressure':
      return t('verdict.io_pressure', { share });
    case 'unhealthy':
      return t('verdict.unhealthy');
    case 'no_limit':
      return t('verdict.no_limit', { used: format(num(v.values, 'working_set'), 'bytes') });
    case 'oom_killed': {
      const limit = num(v.values, 'limit');
      const code = num(v.values, 'exit_code');
      const parts = [limit === null ? t('verdict.oom_killed') : t('verdict.oom_killed_limit', { limit: bytes(limit) })];
      const kills = num(v.values, 'kills') ?? 1;
      if (kills > 1) parts.push(t('verdict.oom_times', { n: kills }));
      if (code !== null) parts.push(t('verdict.exit', { code }));
      return parts.join(t('verdict.join'));
    }
    case 'restart_loop':
      return t('verdict.restart_loop', {
        n: num(v.values, 'restarts') ?? 0,
        time: duration((num(v.values, 'window_seconds') ?? 600) * 1000, locale),
      });
    case 'exited_with_error':
      return exited(num(v.values, 'exit_code'), t);
    default:
      return v.code.replaceAll('_', ' ');
  }
}

/** Exit codes above 128 are signals; the common ones are named. */
function exited(code: number | null, t: TFunction): string {
  if (code === null) return t('verdict.exited');
  if (code === 137) return t('verdict.exited_killed', { code });
  if (code === 143) return t('verdict.exited_terminated', { code });
  if (code === 139) return t('verdict.exited_segv', { code });
  if (code === 127) return t('verdict.exited_not_found', { code });
  if (code === 126) return t('verdict.exited_not_executable', { code });
  return t('verdict.exited_code', { code });
}

/** Verdicts about something that happened, not about something that holds. */
export const AT_A_MOMENT: ReadonlySet<string> = new Set(['oom_killed', 'exited_with_error']);

/** A verdict as a sentence in the viewer's language; how long it has held where that means something. */
export function verdictText(v: Verdict, t: TFunction, locale: string, nowMs: number): string {
  const text = sentence(v, t, locale);
  const held = nowMs - v.since_ms;
  if (v.since_ms <= 0 || held < 60_000 || v.code === 'no_limit' || AT_A_MOMENT.has(v.code)) return text;
  return t('verdict.for', { text, time: duration(held, locale) });
}
