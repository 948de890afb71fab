import { expect, it } from 'vitest';
import { colorsFor } from './color';

it('gives a series the same colour whatever the order', () => {
  const a = colorsFor(['x', 'y', 'z'], 'light');
  const b = colorsFor(['z', 'x', 'y'], 'light');
  for (const k of ['x', 'y', 'z']) expect(a.get(k)).toBe(b.get(k));
});
it('gives ten series ten colours', () => {
  const keys = Array.from({ length: 10 }, (_, i) => `series-${i}`);
  expect(new Set(colorsFor(keys, 'dark').values()).size).toBe(10);
});
it('has a colour for every one of many', () => {
  const keys = Array.from({ length: 45 }, (_, i) => `s${i}`);
  expect(colorsFor(keys, 'light').size).toBe(45);
});
