/** What a container had that was here before another one. */
import type { ContainerFacts, ContainerRow } from '../../api/types';

/** The label by which Compose tells the containers of a service apart. */
const NUMBER = 'com.docker.compose.container-number';

/** Facts that somebody decides on, in the order in which one asks. */
export const DECIDED = [
  'image',
  'digest',
  'cpuLimit',
  'memoryLimit',
  'pidsLimit',
  'policy',
  'ports',
  'mounts',
  'logDriver',
] as const;
export type Decided = (typeof DECIDED)[number];

/** Whether two containers are runs of the same thing: one name, or one place in a service of Compose. */
function samePlace(a: ContainerFacts, b: ContainerFacts): boolean {
  if (a.node !== b.node || a.runtime === 'cgroup' || b.runtime === 'cgroup') return false;
  if (a.name === b.name) return true;
  const service = a.compose_project !== '' && a.compose_service !== '';
  return (
    service &&
    a.compose_project === b.compose_project &&
    a.compose_service === b.compose_service &&
    a.labels[NUMBER] === b.labels[NUMBER]
  );
}

/** The run before: of the containers in the same place, the newest that is older. */
export function previousOf(rows: Iterable<ContainerRow>, facts: ContainerFacts): ContainerFacts | undefined {
  let found: ContainerFacts | undefined;
  for (const { facts: other } of rows) {
    const older = other.id !== facts.id && other.created_ms > 0 && other.created_ms < facts.created_ms;
    if (older && samePlace(other, facts) && other.created_ms > (found?.created_ms ?? 0)) found = other;
  }
  return found;
}

/** A fact as something that can be compared and shown; numbers are limits, 0: none. */
export function decided(f: ContainerFacts, key: Decided): string | number {
  switch (key) {
    case 'image':
      return f.image;
    case 'digest':
      return f.image_digest.replace(/^sha256:/, '').slice(0, 12);
    case 'cpuLimit':
      return f.cpu_limit ?? 0;
    case 'memoryLimit':
      return f.memory_limit;
    case 'pidsLimit':
      return f.pids_limit;
    case 'policy':
      return f.restart_policy;
    case 'ports':
      return [...f.ports].sort().join('\n');
    case 'mounts':
      return [...f.mounts].sort().join('\n');
    case 'logDriver':
      return f.log_driver;
  }
}

/** The facts in which two runs differ. */
export function differences(before: ContainerFacts, now: ContainerFacts): Decided[] {
  return DECIDED.filter((key) => decided(before, key) !== decided(now, key));
}
