import { describe, expect, it } from 'vitest';
import { en } from './en';
import { ko } from './ko';

type Tree = { [k: string]: string | Tree };

function flat(tree: Tree, path = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [k, v] of Object.entries(tree)) {
    if (typeof v === 'string') out.set(path + k, v);
    else for (const [p, t] of flat(v, `${path}${k}.`)) out.set(p, t);
  }
  return out;
}

const english = flat(en);
const korean = flat(ko as unknown as Tree);
const slots = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();
/** Texts that are the same in both languages, on purpose. */
const SAME = /^(language\.|unit\.(celsius|none)|verdict\.join)/;

describe('both languages', () => {
  it('have the same keys', () => {
    const wanted = [...english.keys()].filter((k) => !k.endsWith('_one')).sort();
    const have = [...korean.keys()].filter((k) => !k.startsWith('obstacle.')).sort();
    expect(have).toEqual(wanted);
  });
  it('name the same figures in each sentence', () => {
    for (const [key, text] of korean) {
      const other = english.get(key);
      if (other !== undefined) expect(slots(text), key).toEqual(slots(other));
    }
  });
  it('are written in Korean where words are', () => {
    for (const [key, text] of korean) {
      const other = english.get(key) ?? '';
      if (SAME.test(key) || text !== other) continue;
      // What stays as it is: names and abbreviations, no English sentences.
      expect(
        text
          .replace(/\{\{\w+\}\}/g, '')
          .trim()
          .split(/\s+/).length,
        `${key}: ${text}`,
      ).toBeLessThanOrEqual(2);
    }
  });
  it('puts no particle that depends on the value after a value', () => {
    for (const [key, text] of korean) expect(text, key).not.toMatch(/\}\}(은|는|이|가|을|를|와|과|으로)(?![가-힣])/);
  });
});
