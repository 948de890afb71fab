/** Lines of a container's charts: what is stored, continued by the seconds of the ring. */
import type { LivePoint } from '../../api/types';
import type { Swath } from '../../api/hooks';
import { mergeRing, NO_POINTS, type Points } from '../../chart/points';
import type { Line } from '../../chart/plot';
import { pointsOf } from '../../chart/series';
import type { ChartId } from './queries';

type Field = Exclude<keyof LivePoint, 't'>;
/** A line: its word, the field of the ring that continues it, its place among the colours. */
export interface LineSpec {
  name: string;
  field: Field | null;
  color: number;
  /** A limit; its value now, or `null`. */
  limit?: 'cpu' | 'memory' | 'pids';
}

export const LINES: Record<ChartId, LineSpec[]> = {
  cpu: [
    { name: 'cpuUsed', field: 'cpu', color: 0 },
    { name: 'cpuUser', field: null, color: 1 },
    { name: 'cpuSystem', field: null, color: 3 },
    { name: 'limit', field: null, color: -1, limit: 'cpu' },
  ],
  throttled: [{ name: 'throttled', field: 'throttled', color: 5 }],
  memory: [
    { name: 'workingSet', field: 'working_set', color: 0 },
    { name: 'rss', field: 'rss', color: 1 },
    { name: 'cache', field: 'cache', color: 3 },
    { name: 'memoryUsed', field: 'memory', color: 9 },
    { name: 'limit', field: null, color: -1, limit: 'memory' },
  ],
  network: [
    { name: 'received', field: 'rx', color: 0 },
    { name: 'sent', field: 'tx', color: 3 },
  ],
  io: [
    { name: 'read', field: 'read', color: 0 },
    { name: 'written', field: 'write', color: 3 },
  ],
  pids: [
    { name: 'threads', field: 'pids', color: 0 },
    { name: 'processes', field: null, color: 4 },
    { name: 'limit', field: null, color: -1, limit: 'pids' },
  ],
  pressure: [
    { name: 'pressureCpu', field: 'cpu_pressure', color: 0 },
    { name: 'pressureMemory', field: 'memory_pressure', color: 2 },
    { name: 'pressureIo', field: 'io_pressure', color: 3 },
  ],
};

export function ringPoints(ring: readonly LivePoint[], field: Field): Points {
  return { t: ring.map((p) => p.t), v: ring.map((p) => p[field]) };
}

export interface Paint {
  label: (name: string) => string;
  color: (index: number) => string;
  limitColor: string;
}

/** A limit as a line over the whole range: its stored course, and beyond both ends of that its value now. */
function limitPoints(stored: Points, value: number, start: number, end: number): Points {
  if (value <= 0) return stored;
  const first = stored.t[0] ?? end;
  const last = stored.t.at(-1) ?? start;
  return {
    t: [...(first > start ? [start] : []), ...stored.t, ...(last < end ? [end] : [])],
    v: [...(first > start ? [stored.v[0] ?? value] : []), ...stored.v, ...(last < end ? [value] : [])],
  };
}

export function buildLines(
  chart: ChartId,
  swath: Swath,
  ring: readonly LivePoint[],
  limits: { cpu: number; memory: number; pids: number },
  start: number,
  end: number,
  paint: Paint,
): Line[] {
  const out: Line[] = [];
  LINES[chart].forEach((spec, i) => {
    const item = swath.results[i]?.[0];
    const stored = item ? pointsOf(item) : NO_POINTS;
    const points = spec.limit
      ? limitPoints(stored, limits[spec.limit], start, end)
      : spec.field
        ? mergeRing(stored, ringPoints(ring, spec.field), start, end)
        : stored;
    if (points.v.every((v) => v === null)) return;
    out.push({
      key: spec.name,
      label: paint.label(spec.name),
      color: spec.color < 0 ? paint.limitColor : paint.color(spec.color),
      points,
      ...(spec.limit ? { limit: true } : {}),
    });
  });
  return out;
}
