import { expect, test } from 'vitest';
import type { ContainerFacts, ContainerRow } from '../../api/types';
import { differences, previousOf } from './previous';

function facts(id: string, created: number, more: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id,
    name: 'web',
    runtime: 'docker',
    node: 'n',
    image: 'shop/web',
    image_digest: `sha256:${'a'.repeat(64)}`,
    labels: {},
    compose_project: '',
    compose_service: '',
    created_ms: created,
    memory_limit: 0,
    cpu_limit: null,
    pids_limit: 0,
    restart_policy: 'no',
    ports: ['80/tcp', '443/tcp'],
    mounts: [],
    log_driver: 'json-file',
    ...more,
  } as ContainerFacts;
}

const rows = (...all: ContainerFacts[]) => all.map((f) => ({ facts: f }) as ContainerRow);

test('the run before is the newest older one of the same name', () => {
  const now = facts('d', 400);
  const all = rows(facts('a', 100), facts('c', 300), now, facts('e', 500), facts('x', 350, { name: 'other' }));
  expect(previousOf(all, now)?.id).toBe('c');
  expect(previousOf(all, facts('a', 100))).toBeUndefined();
  expect(previousOf(rows(facts('c', 300, { node: 'm' }), now), now)).toBeUndefined();
});

test('a container that Compose has renamed is the run before, too', () => {
  const of = (id: string, created: number, name: string, number: string) =>
    facts(id, created, {
      name,
      compose_project: 'shop',
      compose_service: 'web',
      labels: { 'com.docker.compose.container-number': number },
    });
  const now = of('c', 300, 'shop-web-1', '1');
  expect(previousOf(rows(of('a', 100, '12ab_shop-web-1', '1'), of('b', 200, 'shop-web-2', '2'), now), now)?.id).toBe(
    'a',
  );
});

test('what somebody decides on is compared, whatever its order', () => {
  const before = facts('a', 1, { ports: ['443/tcp', '80/tcp'], cpu_limit: 0 });
  expect(differences(before, facts('b', 2))).toEqual([]);
  const other = facts('b', 2, { image_digest: 'sha256:b', memory_limit: 64, restart_policy: 'always' });
  expect(differences(before, other)).toEqual(['digest', 'memoryLimit', 'policy']);
});
