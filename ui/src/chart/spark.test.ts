import { expect, it } from 'vitest';
import { sparkPath } from './spark';

it('draws from left to right between floor and peak', () => {
  expect(sparkPath([0, 1], 10, 10, 0).line).toBe('M0 9L10 1');
});
it('breaks at what is not known', () => {
  expect(sparkPath([1, null, 1], 10, 10, 0).line).toBe('M0 1M10 1');
});
it('measures against the limit where there is one', () => {
  expect(sparkPath([1, 1], 10, 10, 2).line).toBe('M0 5L10 5');
});
it('draws nothing out of nothing', () => {
  expect(sparkPath([], 10, 10, 0)).toEqual({ line: '', area: '' });
});
