import { expect, test } from 'vitest';
import type { Cardinality, Fold } from '../../api/types';
import { chosen, chosenFolds, countQuery, labelQuery, pairQuery, refusedTotal, sourceText } from './model';

const fold: Fold = {
  metric: 'requests_total',
  labels: ['user'],
  target: null,
  why: 'metric',
  budget: 10,
  since_ms: 0,
  folded_series: 1,
  members: 20,
  growth_1h: 20,
  refused: { not_additive: 3, member_limit: 4 },
  sources: [{ job: 'api', instance: 'a:1', series: 20 }],
};

test('the filter looks at metric, label and source', () => {
  const data = { folds: [fold] } as unknown as Cardinality;
  expect(chosenFolds(data, 'api user')).toHaveLength(1);
  expect(chosenFolds(data, 'requests other')).toHaveLength(0);
  expect(chosen([{ name: 'a' }, { name: 'b' }], 'B')).toEqual([{ name: 'b' }]);
});

test('a fold names its target, or who brings most', () => {
  expect(sourceText(fold)).toBe('api · a:1');
  expect(sourceText({ ...fold, target: { job: 'web', instance: '' } })).toBe('web');
  expect(sourceText({ ...fold, sources: [] })).toBe('');
  expect(refusedTotal(fold)).toBe(7);
});

test('every number has a query', () => {
  expect(countQuery('a b"')).toBe('count({__name__="a b\\""})');
  expect(pairQuery('path=/a=b')).toBe('count({path="/a=b"})');
  expect(labelQuery('user id')).toBe('count(count by ("user id") ({"user id"!=""}))');
});
