import type { Severity, Verdict } from '../api/types';

const ORDER: readonly Severity[] = ['ok', 'info', 'warning', 'error', 'critical'];

/** 1 (all is well) to 5 (battle). */
export function fires(severity: Severity): number {
  return ORDER.indexOf(severity) + 1;
}

/** The worst severity of a list; `ok` where there is none. */
export function worst(verdicts: readonly Verdict[]): Severity {
  let rank = 0;
  for (const v of verdicts) rank = Math.max(rank, ORDER.indexOf(v.severity));
  return ORDER[rank] ?? 'ok';
}
