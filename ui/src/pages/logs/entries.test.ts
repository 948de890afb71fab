import { describe, expect, it } from 'vitest';
import { compareNs, flatten, joined, newestFirst, nsOfId, plusNs, selectorOf, sourceOf } from './entries';
import { levelOf } from './levels';
import { plain, splitHits } from './text';

const NS = '1763800000000000001';
const streams = [
  {
    stream: { container: 'api' },
    values: [
      [NS, 'b', { structuredMetadata: { detected_level: 'ERROR', trace_id: 't' } }],
      ['1763800000000000000', '\u001b[31ma\u001b[0m', {}],
    ] as [string, string, object][],
  },
  { stream: { container: 'db' }, values: [['1763800000000000002', 'c']] as [string, string][] },
];

describe('lines of an answer', () => {
  it('are one list in the order of time, to the nanosecond', () => {
    expect(flatten(streams, 'newest').map((e) => e.line)).toEqual(['c', 'b', 'a']);
    expect(flatten(streams, 'oldest').map((e) => e.line)).toEqual(['a', 'b', 'c']);
    expect(compareNs('999', '1000')).toBeLessThan(0);
  });
  it('know their level in any case, and their fields', () => {
    const [, b] = flatten(streams, 'newest');
    expect(b?.level).toBe('error');
    expect(b?.metadata.trace_id).toBe('t');
    expect(['WARNING', 'Err', 'trace', '', undefined].map(levelOf)).toEqual([
      'warn',
      'error',
      'trace',
      'unknown',
      'unknown',
    ]);
  });
  it('have the same id wherever they come from, and twice the same line has two', () => {
    const tailed = flatten(
      [{ stream: { container: 'api', detected_level: 'error', trace_id: 't' }, values: [[NS, 'b']] }],
      'newest',
      new Set(['container']),
    );
    const asked = flatten(streams, 'newest');
    expect(tailed[0]?.id).toBe(asked[1]?.id);
    expect(tailed[0]?.stream).toEqual({ container: 'api' });
    expect(tailed[0]?.level).toBe('error');
    const twice = flatten(
      [
        {
          stream: {},
          values: [
            [NS, 'x'],
            [NS, 'x'],
          ],
        },
      ],
      'newest',
    );
    expect(new Set(twice.map((e) => e.id)).size).toBe(2);
    expect(nsOfId(twice[1]?.id)).toBe(NS);
    expect(nsOfId('rubbish')).toBeNull();
  });
  it('join without repeating, and stay bounded', () => {
    const all = flatten(streams, 'newest');
    expect(joined(all.slice(0, 2), all.slice(1))).toEqual(all);
    expect(newestFirst(all.slice(1), all.slice(0, 1), 2)).toEqual(all.slice(0, 2));
  });
  it('can be selected by their stream', () => {
    expect(selectorOf({ b: 'x"y', a: '1', c: '' })).toBe('{a="1", b="x\\"y"}');
    expect(sourceOf({ node: 'n', container: 'api' })).toBe('api');
    expect(plusNs(NS, 1)).toBe('1763800000000000002');
  });
});

describe('text', () => {
  it('drops what is meant for a terminal', () => {
    expect(plain('\u001b[1;32mok\u001b[0m\r')).toBe('ok');
  });
  it('cuts at hits, overlapping ones as one', () => {
    const hits = (text: string, ...needles: string[]) =>
      splitHits(
        text,
        needles.map((n) => ({ text: n, loose: n === n.toLowerCase() })),
      );
    expect(hits('an Error here', 'error')).toEqual(['an ', 'Error', ' here']);
    expect(hits('an error here', 'Error')).toEqual(['an error here']);
    expect(hits('abcd', 'abc', 'bcd')).toEqual(['', 'abcd', '']);
    expect(hits('결제 실패', '실패')).toEqual(['결제 ', '실패', '']);
    expect(hits('aaaa', 'aa')).toEqual(['', 'aaaa', '']);
    expect(hits('İx', 'x')).toEqual(['İ', 'x', '']);
  });
});
