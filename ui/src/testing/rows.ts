import type { ContainerFacts, ContainerRow, LivePoint } from '../api/types';

/** Rows for tests. */
export function live(p: Partial<LivePoint> = {}): LivePoint {
  return {
    t: 0,
    cpu: 0,
    throttled: 0,
    memory: 0,
    working_set: 0,
    rss: 0,
    cache: 0,
    rx: 0,
    tx: 0,
    read: 0,
    write: 0,
    pids: 1,
    cpu_pressure: 0,
    memory_pressure: 0,
    io_pressure: 0,
    ...p,
  };
}

export function row(
  name: string,
  facts: Partial<ContainerFacts> = {},
  point: Partial<LivePoint> | null = {},
  more: Partial<ContainerRow> = {},
): ContainerRow {
  return {
    facts: {
      id: `id-${name}`,
      name,
      runtime: 'docker',
      node: 'n1',
      image: 'img',
      image_digest: '',
      labels: {},
      compose_project: '',
      compose_service: '',
      state: 'running',
      health: '',
      created_ms: 1,
      started_ms: 1,
      finished_ms: 0,
      exit_code: null,
      exit_reason: '',
      oom_killed: false,
      error: '',
      restart_count: 0,
      restart_policy: '',
      memory_limit: 0,
      cpu_limit: 0,
      pids_limit: 0,
      pid: 1,
      addresses: [],
      ports: [],
      mounts: [],
      log_driver: 'json-file',
      tty: false,
      removed_ms: 0,
      ...facts,
    },
    live: point === null ? null : live(point),
    cpu_spark: [],
    memory_spark: [],
    oom_kills: 0,
    verdicts: [],
    ...more,
  };
}
