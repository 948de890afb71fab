import { describe, expect, it } from 'vitest';
import { addTo } from './history';
import { readError } from '../../editor/position';
import { graphLines, metricIn, tableRows } from './result';

describe('error positions', () => {
  it('underlines the word at the position', () => {
    const e = readError('1:5: parse error: unexpected identifier "foo"', 'sum foo (x)');
    expect(e).toEqual({ message: 'parse error: unexpected identifier "foo"', spot: { from: 4, to: 7 } });
  });
  it('counts lines', () => {
    expect(readError('2:3: parse error: x', 'a +\n  +*')?.spot).toEqual({ from: 6, to: 7 });
  });
  it('reads a position inside the words of the API', () => {
    expect(readError('invalid parameter "query": 1:3: parse error: unexpected end of input', 'up').spot).toEqual({
      from: 2,
      to: 3,
    });
  });
  it('reads positions of LogQL', () => {
    expect(readError('parse error at line 1, col 7: syntax error: unexpected IDENTIFIER', '{a=1} xyz')).toEqual({
      message: 'syntax error: unexpected IDENTIFIER',
      spot: { from: 6, to: 9 },
    });
  });
  it('leaves other errors alone', () => {
    expect(readError('query timed out', 'up')).toEqual({ message: 'query timed out', spot: null });
  });
});

describe('results', () => {
  it('puts the labels that differ first', () => {
    const data = {
      resultType: 'vector' as const,
      result: [
        { metric: { __name__: 'up', job: 'a', instance: 'x' }, value: [1, '1'] as [number, string] },
        { metric: { __name__: 'up', job: 'a', instance: 'y' }, value: [1, '0'] as [number, string] },
      ],
    };
    const { rows, labels } = tableRows(data);
    expect(labels).toEqual(['__name__', 'instance', 'job']);
    expect(rows.map((r) => r.value)).toEqual(['1', '0']);
  });
  it('shows a scalar as one row', () => {
    expect(tableRows({ resultType: 'scalar', result: [5, '42'] }).rows).toEqual([
      { metric: {}, t: 5000, value: '42', text: '42' },
    ]);
  });
  it('draws no more lines than asked, and breaks at NaN', () => {
    const item = (i: number) => ({
      metric: { i: String(i) },
      values: [
        [1, '1'],
        [2, 'NaN'],
        [3, '+Inf'],
      ] as [number, string][],
    });
    const lines = graphLines({ resultType: 'matrix', result: [item(1), item(2), item(3)] }, 'light', 2);
    expect(lines).toHaveLength(2);
    expect(lines[0]?.points).toEqual({ t: [1000, 2000, 3000], v: [1, null, null] });
  });
  it('finds the metric of a query', () => {
    expect(metricIn('sum(rate(a_bytes_total{x="y"}[5m]))')).toBe('a_bytes_total');
    expect(metricIn('up')).toBe('up');
    expect(metricIn('1 + 1')).toBeNull();
  });
});

describe('history', () => {
  it('moves a repeated query to the front and stays bounded', () => {
    expect(addTo(['a', 'b'], ' b ')).toEqual(['b', 'a']);
    expect(addTo(['a'], '  ')).toEqual(['a']);
    expect(
      addTo(
        Array.from({ length: 80 }, (_, i) => `q${i}`),
        'new',
      ),
    ).toHaveLength(50);
  });
});
