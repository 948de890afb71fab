import { describe, expect, it } from 'vitest';
import type { ContainerRow, Verdict } from '../../api/types';
import { row } from '../../testing/rows';
import {
  compareRows,
  cpuShare,
  FOLD_AFTER_MS,
  groupRows,
  NEWS_MS,
  itemsOf,
  matches,
  memoryShare,
  type Wish,
} from './rows';
import { neighbour } from './useListKeys';

const NOW = 10 * FOLD_AFTER_MS;
const wish = (w: Partial<Wish> = {}): Wish => ({
  filter: '',
  sort: 'worst',
  down: true,
  group: 'none',
  closed: new Set(),
  showGone: false,
  now: NOW,
  ...w,
});
const bad = (severity: Verdict['severity']): Pick<ContainerRow, 'verdicts'> => ({
  verdicts: [{ code: 'x', severity, since_ms: 0, values: {} }],
});
const ids = (rows: ContainerRow[], w: Partial<Wish> = {}) =>
  itemsOf(rows, wish(w)).map((i) =>
    i.kind === 'row' ? i.id.slice(3) : i.kind === 'group' ? `[${i.group.key}]` : '(gone)',
  );

describe('shares', () => {
  it('is a share of the own limit', () => {
    expect(cpuShare(row('a', { cpu_limit: 0.5 }, { cpu: 0.25 }))).toBe(0.5);
    expect(memoryShare(row('a', { memory_limit: 100 }, { working_set: 88, memory: 100 }))).toBe(0.88);
  });
  it('is nothing without a limit, or without a value', () => {
    expect(cpuShare(row('a', {}, { cpu: 1 }))).toBeNull();
    expect(memoryShare(row('a', { memory_limit: 100 }, null))).toBeNull();
  });
});

describe('order', () => {
  it('has the worst first, then what runs, then by name', () => {
    const rows = [
      row('zeta'),
      row('ended', { state: 'exited', exit_code: 0 }),
      row('warn', {}, {}, bad('warning')),
      row('alpha'),
      row('crit', { state: 'exited' }, null, bad('critical')),
    ];
    expect(ids(rows)).toEqual(['crit', 'warn', 'alpha', 'zeta', 'ended']);
  });
  it('sorts by any number in both directions, the unknown last', () => {
    const rows = [row('a', {}, { cpu: 1 }), row('b', {}, null), row('c', {}, { cpu: 3 })];
    expect(rows.sort(compareRows('cpu', true, NOW)).map((r) => r.facts.name)).toEqual(['c', 'a', 'b']);
    expect(rows.sort(compareRows('cpu', false, NOW)).map((r) => r.facts.name)).toEqual(['a', 'c', 'b']);
    const net = [row('a', {}, { rx: 1, tx: 5 }), row('b', {}, { rx: 4, tx: 0 })];
    expect(net.sort(compareRows('network', true, NOW)).map((r) => r.facts.name)).toEqual(['a', 'b']);
  });
  it('counts inside names', () => {
    expect(ids([row('web-10'), row('web-9')], { sort: 'name', down: false })).toEqual(['web-9', 'web-10']);
  });
});

describe('filter', () => {
  it('finds words anywhere, all of them', () => {
    const r = row('api', { image: 'shop/api:1.4', labels: { team: 'blue' }, compose_project: 'shop' });
    expect(matches(r, '')).toBe(true);
    expect(matches(r, 'shop 1.4')).toBe(true);
    expect(matches(r, 'team=blue')).toBe(true);
    expect(matches(r, 'API running')).toBe(true);
    expect(matches(r, 'shop red')).toBe(false);
  });
});

describe('groups', () => {
  const rows = [
    row('a', { compose_project: 'shop' }, { cpu: 1, working_set: 10 }),
    row('b', { compose_project: '' }, { cpu: 2 }, bad('error')),
    row('c', { compose_project: 'shop', state: 'exited' }, null),
  ];
  it('sums what runs, in the order of the first rows', () => {
    const groups = groupRows(rows, 'compose');
    expect(groups.map((g) => g.key)).toEqual(['shop', '']);
    expect(groups[0]).toMatchObject({ running: 1, cpu: 1, memory: 10, ids: ['id-a', 'id-c'] });
    expect(groups[1]?.severity).toBe('error');
  });
  it('shows a closed group as one line', () => {
    expect(ids(rows, { group: 'compose', closed: new Set(['shop']) })).toEqual(['[]', 'b', '[shop]']);
  });
  it('draws no heading where all are nameless', () => {
    expect(ids([row('a'), row('b')], { group: 'compose' })).toEqual(['a', 'b']);
  });
});

describe('removed containers', () => {
  const fresh = row('fresh', { state: 'removed', removed_ms: NOW - 1000 }, null);
  const old = row('old', { state: 'removed', removed_ms: NOW - FOLD_AFTER_MS - 1 }, null);
  it('do not bury what is there once they are no news', () => {
    const gone = (name: string, ago: number) =>
      row(name, { state: 'removed', removed_ms: NOW - ago }, null, bad('critical'));
    expect(ids([gone('old', NEWS_MS + 1), row('up'), gone('now', 1000)])).toEqual(['now', 'up', 'old']);
  });
  it('are folded after an hour', () => {
    expect(ids([fresh, old, row('up')])).toEqual(['up', 'fresh', '(gone)']);
    expect(ids([fresh, old], { showGone: true })).toEqual(['fresh', '(gone)', 'old']);
  });
});

describe('moving with the keyboard', () => {
  const items = itemsOf(
    [row('a', { compose_project: 'p' }), row('b', { compose_project: 'q' })],
    wish({ group: 'compose' }),
  );
  it('skips headings and stops at the ends', () => {
    expect(neighbour(items, null, 1)).toBe('id-a');
    expect(neighbour(items, 'id-a', 1)).toBe('id-b');
    expect(neighbour(items, 'id-b', 1)).toBe('id-b');
    expect(neighbour(items, null, -1)).toBe('id-b');
    expect(neighbour([], null, 1)).toBeNull();
  });
});

it('orders a thousand rows well within a frame', () => {
  const rows = Array.from({ length: 1000 }, (_, i) =>
    row(`c${i}`, { compose_project: `p${i % 20}` }, { cpu: Math.sin(i) }),
  );
  expect(itemsOf(rows, wish({ group: 'compose', sort: 'cpu' }))).toHaveLength(1020);
});
