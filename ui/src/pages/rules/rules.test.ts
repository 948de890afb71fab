import { describe, expect, it } from 'vitest';
import type { GroupItem, RuleItem } from '../alerts/model';
import { chosenGroups, ruleCount } from './groups';

const rule = (name: string, health: RuleItem['health'], labels?: Record<string, string>): RuleItem => ({
  type: 'recording',
  name,
  query: `sum(${name})`,
  health,
  labels,
  evaluationTime: 0,
  lastEvaluation: '',
});
const group = (name: string, rules: RuleItem[]): GroupItem => ({
  name,
  file: 'f.yml',
  rules,
  interval: 60,
  limit: 0,
  evaluationTime: 0,
  lastEvaluation: '',
});
const groups = [group('one', [rule('a', 'ok', { team: 'x' }), rule('b', 'err')]), group('two', [rule('c', 'ok')])];
const names = (filter: string, failing = false) =>
  chosenGroups(groups, filter, failing).map((g) => `${g.name}:${g.rules.map((r) => r.name).join('+')}`);

describe('rules', () => {
  it('are counted', () => {
    expect(ruleCount(groups)).toEqual({ all: 3, failing: 1 });
  });
  it('are filtered by words and by health; empty groups go', () => {
    expect(names('')).toEqual(['one:a+b', 'two:c']);
    expect(names('team=x')).toEqual(['one:a']);
    expect(names('two sum(c)')).toEqual(['two:c']);
    expect(names('', true)).toEqual(['one:b']);
    expect(names('nothing')).toEqual([]);
  });
});
