import { describe, expect, it } from 'vitest';
import { rank, score, type Entry } from './palette';
import { oneOf, parseSearch, stringifySearch } from './search';

describe('page state in the URL', () => {
  it('comes back as it went', () => {
    const state = { q: 'rate(x{a="b&c"}[5m]) + 1', from: '1760000000000', to: 'now' };
    expect(parseSearch(stringifySearch(state))).toEqual(state);
  });
  it('leaves out what is empty', () => {
    expect(stringifySearch({ a: undefined, b: '' })).toBe('');
  });
  it('keeps numbers text', () => {
    expect(parseSearch('?from=1760000000000&x=true')).toEqual({ from: '1760000000000', x: 'true' });
  });
  it('falls back to the first value where the URL says something else', () => {
    expect(oneOf('graph', ['table', 'graph'])).toBe('graph');
    expect(oneOf('rubbish', ['table', 'graph'])).toBe('table');
    expect(oneOf(undefined, ['table', 'graph'])).toBe('table');
  });
});

describe('palette', () => {
  const entry = (label: string, hint = ''): Entry => ({ id: label, kind: 'page', label, hint, run: () => undefined });
  it('prefers starts, then words, then parts, then letters in order', () => {
    const list = ['my-api', 'api', 'xapiy', 'a-p-i'].map((l) => entry(l));
    expect(rank(list, 'api', 10).map((e) => e.label)).toEqual(['api', 'my-api', 'xapiy', 'a-p-i']);
  });
  it('wants every word', () => {
    expect(rank([entry('api', 'shop/api:1'), entry('api', 'blog')], 'api shop', 10)).toHaveLength(1);
  });
  it('says no where letters are missing', () => {
    expect(score('xyz', 'api')).toBeNull();
  });
  it('is bounded', () => {
    expect(
      rank(
        Array.from({ length: 500 }, (_, i) => entry(`e${i}`)),
        'e',
        40,
      ),
    ).toHaveLength(40);
  });
});
