import { expect, test } from 'vitest';
import { baseOf } from './base';

test('the base is the path of the page without its last slash', () => {
  expect(baseOf('http://h:9090/')).toBe('');
  expect(baseOf('http://h/prom/')).toBe('/prom');
  expect(baseOf('http://h/a/b/')).toBe('/a/b');
});
