import type { ContainerState } from '../../api/types';

export function isUpState(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

const HOUR = 3_600_000;

/** The range that shows a life that is over: all of it, at most its last hour, with a margin. */
export function lifeOf(startedMs: number, endedMs: number): { from: string; to: string } {
  const start = Math.max(startedMs, endedMs - HOUR);
  const margin = Math.max(30_000, Math.round((endedMs - start) * 0.05));
  return { from: String(start - margin), to: String(endedMs + margin) };
}
