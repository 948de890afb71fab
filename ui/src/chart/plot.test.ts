import { expect, it } from 'vitest';
import { columnsOf, type Line } from './plot';

const line = (key: string, t: number[], v: (number | null)[], limit = false): Line => ({
  key,
  label: key,
  color: '#000000',
  points: { t, v },
  limit,
});

it('draws a limit through, and breaks a measured line', () => {
  const { drawn } = columnsOf({
    lines: [line('used', [0, 1000, 9000], [1, 2, 3]), line('limit', [0, 9000], [5, 5], true)],
    gapMs: 2000,
    stacked: false,
  });
  expect(drawn).toEqual([
    [0, 1, 5, 9],
    [1, 2, null, 3],
    [5, undefined, undefined, 5],
  ]);
});

it('stacks areas but not limits, and keeps the raw values for the legend', () => {
  const { drawn, raw } = columnsOf({
    lines: [line('a', [0], [1]), line('limit', [0], [9], true), line('b', [0], [2])],
    gapMs: 2000,
    stacked: true,
  });
  expect(drawn.slice(1)).toEqual([[1], [9], [3]]);
  expect(raw).toEqual([[1], [9], [2]]);
});
