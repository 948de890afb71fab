/** The home page's list: filter, order, groups. Pure, so that a thousand rows can be thought through in a test. */
import type { ContainerRow } from '../../api/types';
import { fires, worst } from '../../verdict/severity';

export const SORTS = ['worst', 'name', 'cpu', 'memory', 'throttled', 'restarts', 'network', 'disk', 'age'] as const;
export type SortKey = (typeof SORTS)[number];
export const GROUPS = ['compose', 'image', 'node', 'none'] as const;
export type GroupKey = (typeof GROUPS)[number];

/** A removed container stays among the others this long, then it is folded away. */
export const FOLD_AFTER_MS = 3_600_000;

export function cpuShare(row: ContainerRow): number | null {
  const limit = row.facts.cpu_limit ?? 0;
  const used = row.live?.cpu ?? null;
  return limit > 0 && used !== null ? used / limit : null;
}

/** Working set, which the page cache does not fill. */
export function memoryShare(row: ContainerRow): number | null {
  const limit = row.facts.memory_limit;
  const used = row.live?.working_set ?? null;
  return limit > 0 && used !== null ? used / limit : null;
}

export function network(row: ContainerRow): number | null {
  return sum(row.live?.rx, row.live?.tx);
}

export function disk(row: ContainerRow): number | null {
  return sum(row.live?.read, row.live?.write);
}

function sum(a: number | null | undefined, b: number | null | undefined): number | null {
  if (a === null || a === undefined) return b ?? null;
  return a + (b ?? 0);
}

export function isUp(row: ContainerRow): boolean {
  const s = row.facts.state;
  return s === 'running' || s === 'paused' || s === 'restarting';
}

/** When it stopped being of interest: removed long ago. */
export function isFolded(row: ContainerRow, now: number): boolean {
  return row.facts.removed_ms > 0 && now - row.facts.removed_ms > FOLD_AFTER_MS;
}

/** Every word must be found in the name, image, id, state, node, compose names or a label. */
export function matches(row: ContainerRow, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const f = row.facts;
  const labels = Object.entries(f.labels).map(([k, v]) => `${k}=${v}`);
  const text = [f.name, f.image, f.id, f.state, f.health, f.node, f.compose_project, f.compose_service, ...labels]
    .join('\n')
    .toLowerCase();
  return words.every((w) => text.includes(w));
}

/** The number a column sorts by; `null` sorts last in both directions. */
function sortValue(row: ContainerRow, key: SortKey, now: number): number | null {
  switch (key) {
    case 'cpu':
      return row.live?.cpu ?? null;
    case 'memory':
      return row.live?.working_set ?? null;
    case 'throttled':
      return row.live?.throttled ?? null;
    case 'restarts':
      return row.facts.restart_count;
    case 'network':
      return network(row);
    case 'disk':
      return disk(row);
    case 'age':
      return row.facts.started_ms > 0 ? row.facts.started_ms : null;
    case 'worst':
      return badness(row, now);
    case 'name':
      return null;
  }
}

/** A removed container's verdict counts like those of the others for this long; then it comes after what is there. */
export const NEWS_MS = 300_000;

/** Burning first; among equals what runs before what ended, and what ended badly before what ended well. */
function badness(row: ContainerRow, now: number): number {
  const old = row.facts.removed_ms > 0 && now - row.facts.removed_ms > NEWS_MS;
  const up = isUp(row) ? 2 : row.facts.removed_ms > 0 ? 0 : 1;
  return fires(worst(row.verdicts)) * 10 + up - (old ? 1000 : 0);
}

export function compareRows(key: SortKey, down: boolean, now: number): (a: ContainerRow, b: ContainerRow) => number {
  const sign = down ? -1 : 1;
  const byName = (a: ContainerRow, b: ContainerRow) =>
    a.facts.name.localeCompare(b.facts.name, 'en', { numeric: true }) || (a.facts.id < b.facts.id ? -1 : 1);
  if (key === 'name') return (a, b) => sign * byName(a, b);
  return (a, b) => {
    const x = sortValue(a, key, now);
    const y = sortValue(b, key, now);
    if (x === null || y === null) return x === y ? byName(a, b) : x === null ? 1 : -1;
    return x === y ? byName(a, b) : sign * (x - y);
  };
}

/** Numbers begin with the largest, names with the first. */
export function firstDirection(key: SortKey): 'up' | 'down' {
  return key === 'name' ? 'up' : 'down';
}

export function groupName(row: ContainerRow, key: GroupKey): string {
  const f = row.facts;
  if (key === 'compose') return f.compose_project;
  if (key === 'image') return f.image;
  return key === 'node' ? f.node : '';
}

export interface Group {
  key: string;
  ids: string[];
  running: number;
  /** Sums over what is known. */
  cpu: number;
  memory: number;
  severity: ReturnType<typeof worst>;
}

/** Groups in the order of their first row: with the worst rows first, the worst group leads. */
export function groupRows(rows: readonly ContainerRow[], key: GroupKey): Group[] {
  const groups = new Map<string, Group & { rows: ContainerRow[] }>();
  for (const row of rows) {
    const name = groupName(row, key);
    let g = groups.get(name);
    if (!g) {
      g = { key: name, ids: [], running: 0, cpu: 0, memory: 0, severity: 'ok', rows: [] };
      groups.set(name, g);
    }
    g.ids.push(row.facts.id);
    g.rows.push(row);
    if (isUp(row)) g.running += 1;
    g.cpu += row.live?.cpu ?? 0;
    g.memory += row.live?.working_set ?? 0;
  }
  return [...groups.values()].map(({ rows: all, ...g }) => ({
    ...g,
    severity: worst(all.flatMap((r) => r.verdicts)),
  }));
}

export type Item =
  | { kind: 'group'; group: Group; open: boolean }
  | { kind: 'row'; id: string }
  | { kind: 'gone'; count: number; open: boolean };

export interface Wish {
  filter: string;
  sort: SortKey;
  down: boolean;
  group: GroupKey;
  closed: ReadonlySet<string>;
  showGone: boolean;
  now: number;
}

/** The lines of the list from top to bottom. */
export function itemsOf(rows: Iterable<ContainerRow>, wish: Wish): Item[] {
  const found = [...rows].filter((r) => matches(r, wish.filter));
  const compare = compareRows(wish.sort, wish.down, wish.now);
  const here = found.filter((r) => !isFolded(r, wish.now)).sort(compare);
  const gone = found.filter((r) => isFolded(r, wish.now)).sort(compare);
  const items: Item[] = [];
  const groups = wish.group === 'none' ? [] : groupRows(here, wish.group);
  const bare = groups.length === 0 || (groups.length === 1 && groups[0]?.key === '');
  if (bare) for (const r of here) items.push({ kind: 'row', id: r.facts.id });
  else
    for (const group of groups) {
      const open = !wish.closed.has(group.key);
      items.push({ kind: 'group', group, open });
      if (open) for (const id of group.ids) items.push({ kind: 'row', id });
    }
  if (gone.length > 0) {
    items.push({ kind: 'gone', count: gone.length, open: wish.showGone });
    if (wish.showGone) for (const r of gone) items.push({ kind: 'row', id: r.facts.id });
  }
  return items;
}
