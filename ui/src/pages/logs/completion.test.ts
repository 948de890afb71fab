import { describe, expect, it } from 'vitest';
import { optionsOf, placeAt, valueOptions } from './completion';

/** `^` marks the cursor. */
const place = (marked: string) => placeAt(marked.replace('^', ''), marked.indexOf('^'));

describe('what can come next', () => {
  it('is a name or a value in plain words', () => {
    expect(place('time^')).toEqual({ what: 'name', from: 0 });
    expect(place('a -con^')).toEqual({ what: 'name', from: 3 });
    expect(place('a container:ap^')).toMatchObject({ what: 'value', name: 'container', from: 12 });
    expect(place('-서비스:^')).toMatchObject({ what: 'value', name: '서비스', from: 5 });
    expect(place('"a phr^')).toBeNull();
  });
  it('is a label, a value, a stage or a function in LogQL', () => {
    expect(place('{con^')).toEqual({ what: 'label', from: 1 });
    expect(place('{a="b", no^}')).toEqual({ what: 'label', from: 8 });
    expect(place('{container=~"ap^"}')).toMatchObject({ what: 'value', name: 'container', from: 12, quoted: true });
    expect(place('{a="b", container="^')).toMatchObject({ what: 'value', selector: '{a="b"}' });
    expect(place('{a="}"} | js^')).toEqual({ what: 'stage', from: 10 });
    expect(place('{a="b"} | level="^')).toMatchObject({ what: 'value', name: 'level' });
    expect(place('{a="b"} |= "x^"')).toBeNull();
    expect(place('sum by (container) (ra^te({a="b"}[1m]))')).toEqual({ what: 'function', from: 20 });
  });
  it('offers what there is, written as the place wants it', () => {
    const names = { labels: ['container'], fields: ['trace_id', 'container'] };
    expect(optionsOf({ what: 'name', from: 0 }, names).map((o) => o.apply)).toEqual([
      'level:',
      'container:',
      'trace_id:',
    ]);
    expect(optionsOf({ what: 'label', from: 0 }, names).map((o) => o.apply)).toEqual(['container="']);
    const value = { what: 'value', from: 0, name: 'x', selector: null } as const;
    expect(valueOptions({ ...value, quoted: true }, ['a"b']).map((o) => o.apply)).toEqual(['"a\\"b"']);
    expect(valueOptions({ ...value, quoted: false }, ['내 앱', 'api']).map((o) => o.apply)).toEqual(['"내 앱"', 'api']);
  });
});
