import { describe, expect, it } from 'vitest';
import {
  alertRules,
  chosen,
  counts,
  flatAlerts,
  readStates,
  severityOf,
  shownValue,
  timeOf,
  whyEmpty,
  writeStates,
  type AlertItem,
  type GroupItem,
  type RuleItem,
} from './model';

const alert = (state: 'firing' | 'pending', activeAt: string, job: string): AlertItem => ({
  labels: { alertname: 'Down', job },
  annotations: {},
  state,
  activeAt,
  value: '0e+00',
});
const rule = (name: string, more: Partial<RuleItem>): RuleItem => ({
  type: 'alerting',
  name,
  query: 'up == 0',
  health: 'ok',
  evaluationTime: 0,
  lastEvaluation: '2026-11-21T03:00:00Z',
  state: 'inactive',
  alerts: [],
  ...more,
});
const groups: GroupItem[] = [
  {
    name: 'g',
    file: 'a.yml',
    interval: 60,
    limit: 0,
    evaluationTime: 0,
    lastEvaluation: '',
    rules: [
      rule('Calm', { labels: { severity: 'warning' } }),
      rule('New', { state: 'unknown' }),
      rule('recorded', { type: 'recording', state: undefined }),
      rule('Waits', { state: 'pending', alerts: [alert('pending', '2026-11-21T03:00:00Z', 'w')] }),
      rule('Down', {
        state: 'firing',
        alerts: [
          alert('pending', '2026-11-21T01:00:00Z', 'a'),
          alert('firing', '2026-11-21T02:30:00Z', 'b'),
          alert('firing', '2026-11-21T02:00:00Z', 'c'),
        ],
      }),
    ],
  },
];
const all = alertRules(groups);
const every = readStates(undefined);

describe('alerts', () => {
  it('come with the most urgent first', () => {
    expect(all.map((r) => r.rule.name)).toEqual(['Down', 'Waits', 'New', 'Calm']);
    expect(all[0]?.alerts.map((a) => a.labels.job)).toEqual(['c', 'b', 'a']);
    expect(counts(all)).toEqual({ firing: 1, pending: 1, inactive: 2 });
    expect(flatAlerts(all, every, '').map((x) => x.alert.labels.job)).toEqual(['c', 'b', 'a', 'w']);
  });
  it('are filtered by state and by words anywhere', () => {
    const names = (states: string, filter: string) => chosen(all, readStates(states), filter).map((r) => r.rule.name);
    expect(names('pending', '')).toEqual(['Waits']);
    expect(names('', 'job="b"')).toEqual(['Down']);
    expect(names('', 'a.yml severity=warning')).toEqual(['Calm']);
    expect(names('', 'nothing')).toEqual([]);
    expect(flatAlerts(all, readStates('firing'), 'job=c')).toHaveLength(1);
  });
  it('keep the choice of states in the URL', () => {
    expect([...readStates('rubbish')]).toEqual(['firing', 'pending', 'inactive']);
    expect(writeStates(new Set(['pending', 'firing']))).toBe('firing,pending');
    expect(writeStates(every)).toBeUndefined();
    expect(writeStates(new Set())).toBeUndefined();
  });
  it('say why there are none', () => {
    expect(whyEmpty([], 0, 0, 'global: {}\n')).toBe('noFiles');
    expect(whyEmpty([], 0, 0, 'rule_files: []\n')).toBe('noFiles');
    expect(whyEmpty([], 0, 0, 'rule_files:\n- a.yml\n')).toBe('noneFound');
    expect(whyEmpty(groups, 0, 0, '')).toBe('noAlerts');
    expect(whyEmpty(groups, 4, 0, '')).toBe('noMatch');
    expect(whyEmpty(groups, 4, 2, '')).toBeNull();
  });
  it('read severities, values and times', () => {
    expect(severityOf({ severity: 'Page' })).toBe('critical');
    expect(severityOf({ severity: 'purple' })).toBeNull();
    expect(shownValue('1.23456789e+03')).toBe('1234.57');
    expect(shownValue('+Inf')).toBe('+Inf');
    expect(timeOf('0001-01-01T00:00:00Z')).toBeNull();
    expect(timeOf('1970-01-01T00:00:01Z')).toBe(1000);
  });
});
