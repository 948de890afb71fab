import { describe, expect, it } from 'vitest';
import type { LivePoint } from '../../api/types';
import { live } from '../../testing/rows';
import { escapeHtml, exportHtml } from './exportHtml';
import { buildLines } from './lines';
import { appendLines, lineMs, type ShownLine } from './log';
import { queriesOf, selector } from './queries';
import { lifeOf } from './state';
import { appendPoint } from './useRing';

describe('queries', () => {
  it('selects a container by its id inside the cgroup path', () => {
    expect(selector({ id: 'abc', runtime: 'docker' })).toBe('id=~".*abc.*"');
    expect(selector({ id: '/system.slice/x.service', runtime: 'cgroup' })).toBe('id="/system.slice/x.service"');
  });
  it('has a window of at least four samples', () => {
    expect(queriesOf('cpu', 'id="x"', 10_000, 10_000)[0]).toBe(
      'sum(rate(container_cpu_usage_seconds_total{id="x"}[40s]))',
    );
  });
});

describe('lines', () => {
  const paint = { label: (n: string) => n, color: String, limitColor: 'red' };
  const swath = {
    start: 0,
    end: 100_000,
    step: 10_000,
    tookMs: 0,
    warnings: [],
    results: [
      [
        {
          metric: {},
          values: [
            [10, '5'],
            [20, '6'],
          ] as [number, string][],
        },
      ],
      [],
      [],
      [],
      [],
    ],
  };
  it('continues what is stored with the ring and draws the limit through', () => {
    const ring = [live({ t: 18_000, working_set: 7 }), live({ t: 19_000, working_set: 8 })];
    const lines = buildLines('memory', swath, ring, { cpu: 0, memory: 64, pids: 0 }, 0, 100_000, paint);
    expect(lines.find((l) => l.key === 'workingSet')?.points).toEqual({ t: [10_000, 18_000, 19_000], v: [5, 7, 8] });
    expect(lines.find((l) => l.key === 'limit')).toMatchObject({
      limit: true,
      points: { t: [0, 100_000], v: [64, 64] },
    });
  });
  it('continues a stored limit to both ends of the range', () => {
    const stored = {
      ...swath,
      results: [[], [], [], [], [{ metric: {}, values: [[50, '32']] as [number, string][] }]],
    };
    const lines = buildLines('memory', stored, [], { cpu: 0, memory: 64, pids: 0 }, 0, 100_000, paint);
    expect(lines[0]?.points).toEqual({ t: [0, 50_000, 100_000], v: [32, 32, 64] });
  });
  it('draws no limit where there is none', () => {
    expect(
      buildLines('memory', swath, [], { cpu: 0, memory: 0, pids: 0 }, 0, 100_000, paint).map((l) => l.key),
    ).toEqual(['workingSet']);
  });
});

describe('the range of a life that is over', () => {
  it('holds all of a short one and the last hour of a long one', () => {
    expect(lifeOf(1_000_000, 1_010_000)).toEqual({ from: '970000', to: '1040000' });
    expect(lifeOf(0, 10 * 3_600_000)).toEqual({
      from: String(9 * 3_600_000 - 180_000),
      to: String(10 * 3_600_000 + 180_000),
    });
  });
});

describe('ring', () => {
  it('takes each second once and stays ten minutes long', () => {
    let ring: readonly LivePoint[] = [];
    for (let t = 0; t <= 700; t += 1) ring = appendPoint(ring, live({ t: t * 1000 }));
    ring = appendPoint(ring, live({ t: 700_000 }));
    expect(ring).toHaveLength(601);
    expect(ring.at(-1)?.t).toBe(700_000);
  });
});

describe('log', () => {
  const line = (n: number): ShownLine => ({ n, t_ns: '0', stream: 'stdout', text: String(n) });
  it('keeps the newest lines only', () => {
    const kept = appendLines([line(1), line(2)], [line(3), line(4)], 3);
    expect(kept.map((l) => l.n)).toEqual([2, 3, 4]);
  });
  it('reads nanoseconds without losing the millisecond', () => {
    expect(lineMs('1763700000123456789')).toBe(1_763_700_000_123);
    expect(lineMs('0')).toBeNull();
  });
});

describe('export', () => {
  const page = {
    language: 'en',
    title: '<b>x</b>',
    made: '',
    verdicts: ['a & b'],
    facts: [['Image', '"img"']] as [string, string][],
    charts: [
      {
        title: 'CPU',
        unit: 'cores',
        lines: [{ label: 'used', points: { t: [0, 10], v: [1, 2] }, dashed: false, last: '2', max: '2' }],
      },
    ],
    eventsTitle: 'Events',
    events: [],
  };
  it('escapes what containers are called', () => {
    const html = exportHtml(page);
    expect(html).not.toContain('<b>x</b>');
    expect(html).toContain(escapeHtml('<b>x</b>'));
    expect(html).not.toMatch(/<script|https?:/);
    expect(html).toContain('<path d="M0.0 72.0L720.0 4.0"');
  });
});
