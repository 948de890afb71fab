import { describe, expect, it } from 'vitest';
import { align, breakGaps, mergeRing, stack, stats } from './points';

const points = (...list: [number, number | null][]) => ({ t: list.map((p) => p[0]), v: list.map((p) => p[1]) });

describe('merging what is stored with the ring', () => {
  it('takes the ring from where it begins, and what is stored before', () => {
    const stored = points([0, 1], [10, 2], [20, 3], [30, 4]);
    const ring = points([18, 20], [19, 21], [20, 22]);
    expect(mergeRing(stored, ring, 0, 100)).toEqual(points([0, 1], [10, 2], [18, 20], [19, 21], [20, 22]));
  });
  it('keeps to the range', () => {
    expect(mergeRing(points([0, 1], [10, 2]), points([20, 3], [30, 4]), 5, 25)).toEqual(points([10, 2], [20, 3]));
  });
  it('works with either side alone', () => {
    expect(mergeRing(points([1, 1]), points(), 0, 9)).toEqual(points([1, 1]));
    expect(mergeRing(points(), points([1, 1]), 0, 9)).toEqual(points([1, 1]));
  });
});

describe('aligning columns', () => {
  it('breaks a line where points lie too far apart', () => {
    expect(breakGaps(points([0, 1], [10, 2], [40, 3]), 15)).toEqual(points([0, 1], [10, 2], [25, null], [40, 3]));
  });
  it('joins over times that another column has', () => {
    const [xs, a, b] = align([points([0, 1], [10, 2]), points([5, 7])]);
    expect(xs).toEqual([0, 5, 10]);
    expect(a).toEqual([1, undefined, 2]);
    expect(b).toEqual([undefined, 7, undefined]);
  });
  it('keeps a known gap a gap', () => {
    const [, a] = align([points([0, 1], [10, null], [20, 2])]);
    expect(a).toEqual([1, null, 2]);
  });
});

describe('stacking', () => {
  it('adds from the first up and does not lose a sum to an unknown', () => {
    expect(
      stack([
        [1, 1, null],
        [2, null, null],
      ]),
    ).toEqual([
      [1, 1, null],
      [3, 1, null],
    ]);
  });
});

describe('legend figures', () => {
  it('leaves unknown values out', () => {
    expect(stats([1, null, 3, null])).toEqual({ last: 3, min: 1, avg: 2, max: 3 });
    expect(stats([null])).toEqual({ last: null, min: null, avg: null, max: null });
  });
});
