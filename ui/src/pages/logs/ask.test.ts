import { describe, expect, it } from 'vitest';
import {
  everyStream,
  fieldState,
  isLogql,
  isMetric,
  needles,
  parse,
  translate,
  withField,
  withoutField,
  type Known,
} from './ask';
import examples from './ask.examples.json';

const known: Known = {
  labels: new Set(examples.labels),
  parsers: new Map(Object.entries(examples.parsers)),
  base: examples.base,
};
const logql = (text: string) => translate(text, known);

describe('what is typed becomes LogQL', () => {
  // The command line reads the same words: crates/tools/src/logs/ask.rs is held to this table, too.
  it.each(examples.examples as [string, string][])('%s', (text, wanted) => expect(logql(text)).toBe(wanted));

  it('leaves LogQL alone', () => {
    expect(logql(' {app="x"} | json ')).toBe('{app="x"} | json');
    expect(logql('sum by (level) (rate({app="x"}[1m]))')).toBe('sum by (level) (rate({app="x"}[1m]))');
    expect(isLogql('sum of {things}')).toBe(false);
    expect(isMetric('rate({app="x"}[1m])')).toBe(true);
    expect(isMetric('{app="x"}')).toBe(false);
  });
  it('keeps the streams of a page', () => {
    const page = { ...known, base: '{container_id="abc"}' };
    expect(translate('x:1', page)).toBe('{container_id="abc"} | x = "1"');
    expect(translate('container:api', page)).toBe('{container_id="abc", container="api"}');
  });
  it('prefers a stream label over the word for a level', () => {
    expect(translate('level:Error', { ...known, labels: new Set(['level']) })).toBe('{level="Error"}');
  });
  it('takes anything without an error', () => {
    for (const text of ['"', '-', ':', 'a:', '-"', 'OR', 'a OR', 'OR OR', '\\', 'a:"', '-a:-b', '\u0000'])
      expect(logql(text).startsWith('{')).toBe(true);
  });
  it('sees the terms', () => {
    expect(parse('a OR b -c')).toHaveLength(2);
  });
});

describe('clicks in facets', () => {
  it('adds, turns and takes away', () => {
    expect(withField('timeout', 'container', 'api')).toBe('timeout container:api');
    expect(withField('timeout container:api', 'container', 'api')).toBe('timeout');
    expect(withField('timeout container:api', 'container', 'api', true)).toBe('timeout -container:api');
    expect(withField('', 'container', '내 앱')).toBe('container:"내 앱"');
    expect(withField('container:"내 앱" x', 'container', '내 앱')).toBe('x');
  });
  it('comes back out of the text as the same value', () => {
    for (const value of ['api', '내 앱', 'a"b\\c', '*', '~x', '>5', 'a:b', '-x']) {
      const [term] = parse(withField('', 'f', value));
      expect(term).toEqual({ kind: 'field', not: false, name: 'f', op: '=', value });
    }
  });
  it('filters in LogQL', () => {
    const text = withField('{app="x"}', 'container', 'api');
    expect(text).toBe('{app="x"} | container = "api"');
    expect(fieldState(text, 'container', 'api')).toBe(true);
    expect(withField(text, 'container', 'api')).toBe('{app="x"}');
  });
  it('leaves a field out of its own counts', () => {
    expect(withoutField('x container:api -container:"b c" level:error', 'container')).toBe('x level:error');
    expect(withoutField('x level:error', 'detected_level')).toBe('x');
    expect(withoutField('{a="b"}', 'a')).toBe('{a="b"}');
  });
  it('knows what is chosen', () => {
    expect(fieldState('a container:api', 'container', 'api')).toBe(true);
    expect(fieldState('a -container:api', 'container', 'api')).toBe(false);
    expect(fieldState('a container:api2', 'container', 'api')).toBeNull();
  });
});

describe('what rows highlight', () => {
  it('is what a line must contain', () => {
    expect(needles(logql('timeout "a b" -no 실패'))).toEqual([
      { text: 'timeout', loose: true },
      { text: 'a b', loose: false },
      { text: '실패', loose: false },
    ]);
    expect(needles('{a="b"} |~ "a.c" |= `x` or "y"')).toEqual([
      { text: 'x', loose: false },
      { text: 'y', loose: false },
    ]);
  });
});

describe('every stream', () => {
  it('is chosen by a label that they have', () => {
    expect(everyStream(['container', 'service_name'])).toBe('{service_name=~".+"}');
    expect(everyStream(['a'])).toBe('{a=~".+"}');
    expect(everyStream([])).toBe('{service_name=~".+"}');
  });
});
