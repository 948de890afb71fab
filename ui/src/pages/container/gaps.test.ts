import { describe, expect, it } from 'vitest';
import type { RawStream } from '../../api/loki';
import { around, gapsOf } from './gaps';

const stream = { container: 'web' };

function entry(ns: string, gap: string, bytes?: string): RawStream['values'][number] {
  const structuredMetadata: Record<string, string> = bytes === undefined ? { gap } : { gap, gap_bytes: bytes };
  return [ns, '[lines are missing here: x]', { structuredMetadata }];
}

describe('gaps of a log', () => {
  it('come newest first, with their reason and bytes', () => {
    const values = [entry('1000000000', 'deleted'), entry('3000000000', 'emptied', '4096'), entry('2000000000', 'new')];
    const gaps = gapsOf([{ stream, values }]);
    expect(gaps.map((gap) => [gap.ms, gap.kind, gap.bytes])).toEqual([
      [3000, 'emptied', 4096],
      [2000, 'other', null],
      [1000, 'deleted', null],
    ]);
    expect(gaps.map((gap) => gap.line)[0]).toBe('[lines are missing here: x]');
  });

  it('are looked at with a minute around them', () => {
    const [gap] = gapsOf([{ stream, values: [entry('100000000000', 'unseen')] }]);
    expect(gap && around(gap)).toEqual({ from: '40000', to: '160000' });
  });
});
