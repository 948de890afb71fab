import { describe, expect, it } from 'vitest';
import { en } from '../../i18n/en';
import { row } from '../../testing/rows';
import { filesystems, used } from './Filesystems';
import { byShare } from './NodeContainers';
import { fill, SECTIONS } from './panels';

describe('panels', () => {
  it('fill the selector and the window in', () => {
    expect(fill('rate(a{$s}[$w])', '', '40s')).toBe('rate(a[40s])');
    expect(fill('rate(a{$s}[$w])', 'instance="n"', '40s')).toBe('rate(a{instance="n"}[40s])');
    expect(fill('a{$s,x="y"}', '', '')).toBe('a{x="y"}');
    expect(fill('a{$s,x="y"}', 'i="n"', '')).toBe('a{i="n",x="y"}');
  });
  it('have a title, and a word for each line', () => {
    for (const p of SECTIONS.flatMap((s) => s.panels)) {
      expect(en.node.panel).toHaveProperty(p.id);
      for (const q of p.queries) {
        expect(fill(q.expr, '', '1m')).not.toContain('$');
        if ('word' in q.name) expect(en.line).toHaveProperty(q.name.word);
      }
    }
  });
});

describe('file systems', () => {
  const at = (name: string, labels: Record<string, string>, v: string) => ({
    metric: { __name__: `node_filesystem_${name}`, ...labels },
    value: [0, v] as [number, string],
  });
  it('counts a device once, by its shortest mount point', () => {
    const a = { device: '/dev/a', mountpoint: '/', fstype: 'ext4' };
    const b = { device: '/dev/a', mountpoint: '/var/lib/x', fstype: 'ext4' };
    const list = filesystems([
      at('size_bytes', b, '100'),
      at('size_bytes', a, '100'),
      at('free_bytes', a, '40'),
      at('avail_bytes', a, '30'),
    ]);
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({ mount: '/', size: 100, free: 40, avail: 30 });
  });
  it('reckons what is used as df does', () => {
    expect(used({ size: 100, free: 40, avail: 30 })).toBeCloseTo(60 / 90);
    expect(used({ size: 0, free: 0, avail: 0 })).toBe(0);
  });
});

describe('containers of a node', () => {
  it('come by their larger share, and only those that run there', () => {
    const node = { name: 'n1', cpus: 4, memory_bytes: 1000 };
    const rows = [
      row('small', {}, { cpu: 0.4, working_set: 10 }),
      row('mem', {}, { cpu: 0, working_set: 500 }),
      row('elsewhere', { node: 'n2' }, { cpu: 4 }),
      row('ended', { state: 'exited' }, null),
    ];
    expect(byShare(rows, node).map((x) => x.row.facts.name)).toEqual(['mem', 'small']);
  });
});
