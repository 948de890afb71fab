import type { ContainerState } from '../../api/types';

export function isUpState(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}
