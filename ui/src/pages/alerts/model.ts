/** Rules and alerts as the server lists them, and what the pages make of them. */
import type { Severity } from '../../api/types';

export type LabelSet = Record<string, string>;
export type RuleState = 'firing' | 'pending' | 'unknown' | 'inactive';
export type RuleHealth = 'ok' | 'err' | 'unknown';

export interface AlertItem {
  labels: LabelSet;
  annotations: LabelSet;
  state: 'firing' | 'pending';
  activeAt: string;
  keepFiringSince?: string;
  value: string;
}

export interface RuleItem {
  type: 'alerting' | 'recording';
  name: string;
  query: string;
  labels?: LabelSet;
  health: RuleHealth;
  lastError?: string;
  /** It depends on a label that folds. */
  warnings?: string[];
  evaluationTime: number;
  lastEvaluation: string;
  state?: RuleState;
  /** Seconds. */
  duration?: number;
  /** Seconds. */
  keepFiringFor?: number;
  annotations?: LabelSet;
  alerts?: AlertItem[] | null;
}

export interface GroupItem {
  name: string;
  file: string;
  /** Of expressions over logs; those over metrics say nothing. */
  language?: 'logql';
  rules: RuleItem[];
  /** Seconds. */
  interval: number;
  limit: number;
  evaluationTime: number;
  lastEvaluation: string;
}

/** An alerting rule with its place. */
export interface AlertRule {
  key: string;
  group: string;
  file: string;
  rule: RuleItem;
  alerts: AlertItem[];
  state: RuleState;
  /** Its expression is over logs. */
  logql?: true;
}

export const STATES = ['firing', 'pending', 'inactive'] as const;
export type ShownState = (typeof STATES)[number];

const URGENCY: Record<RuleState, number> = { firing: 0, pending: 1, unknown: 2, inactive: 3 };

/** All alerting rules, the most urgent first; as in their files among equals. */
export function alertRules(groups: readonly GroupItem[]): AlertRule[] {
  const all = groups.flatMap((g) =>
    g.rules.flatMap((rule, n): AlertRule[] =>
      rule.type === 'alerting'
        ? [
            {
              key: `${g.file}:${g.name}:${n}`,
              group: g.name,
              file: g.file,
              rule,
              alerts: byUrgency(rule.alerts ?? []),
              state: rule.state ?? 'unknown',
              ...(g.language === 'logql' ? { logql: true as const } : {}),
            },
          ]
        : [],
    ),
  );
  return all.sort((a, b) => URGENCY[a.state] - URGENCY[b.state]);
}

/** Firing before pending, the oldest first. */
function byUrgency(alerts: readonly AlertItem[]): AlertItem[] {
  return [...alerts].sort(
    (a, b) => URGENCY[a.state] - URGENCY[b.state] || Date.parse(a.activeAt) - Date.parse(b.activeAt),
  );
}

/** Rules that were not evaluated yet count as inactive. */
export function shownState(state: RuleState): ShownState {
  return state === 'unknown' ? 'inactive' : state;
}

/** How many rules are in each state. */
export function counts(rules: readonly AlertRule[]): Record<ShownState, number> {
  const out = { firing: 0, pending: 0, inactive: 0 };
  for (const r of rules) out[shownState(r.state)] += 1;
  return out;
}

/** The states that the URL asks for; none or rubbish means all. */
export function readStates(text: string | undefined): ReadonlySet<ShownState> {
  const asked = new Set(text?.split(',') ?? []);
  const known = STATES.filter((s) => asked.has(s));
  return new Set(known.length > 0 ? known : STATES);
}

/** The URL's word for a choice of states: nothing where all are chosen. */
export function writeStates(states: ReadonlySet<ShownState>): string | undefined {
  return states.size === 0 || states.size === STATES.length ? undefined : STATES.filter((s) => states.has(s)).join();
}

function words(filter: string): string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

function has(texts: readonly string[], wanted: readonly string[]): boolean {
  const text = texts.join('\n').toLowerCase();
  return wanted.every((w) => text.includes(w));
}

const pairs = (labels: LabelSet | undefined) => Object.entries(labels ?? {}).map(([k, v]) => `${k}="${v}" ${k}=${v}`);

/** Rules in the chosen states that have every word in their name, group, labels, expression, or in one of their alerts. */
export function chosen(rules: readonly AlertRule[], states: ReadonlySet<ShownState>, filter: string): AlertRule[] {
  const wanted = words(filter);
  return rules.filter((r) => {
    if (!states.has(shownState(r.state))) return false;
    const own = [r.rule.name, r.group, r.file, r.rule.query, ...pairs(r.rule.labels)];
    return has(own, wanted) || r.alerts.some((a) => has([...own, ...pairs(a.labels)], wanted));
  });
}

/** Every alert with its rule, firing first. */
export function flatAlerts(rules: readonly AlertRule[], states: ReadonlySet<ShownState>, filter: string) {
  const wanted = words(filter);
  return rules
    .flatMap((r) => r.alerts.map((alert) => ({ alert, rule: r })))
    .filter(
      ({ alert, rule }) => states.has(alert.state) && has([rule.rule.name, rule.group, ...pairs(alert.labels)], wanted),
    )
    .sort(
      (a, b) =>
        URGENCY[a.alert.state] - URGENCY[b.alert.state] || Date.parse(a.alert.activeAt) - Date.parse(b.alert.activeAt),
    );
}

const SEVERITIES: Record<string, Severity> = {
  critical: 'critical',
  page: 'critical',
  emergency: 'critical',
  error: 'error',
  high: 'error',
  warning: 'warning',
  warn: 'warning',
  medium: 'warning',
  info: 'info',
  low: 'info',
  none: 'info',
};

/** What the label `severity` says, where it is one of the usual words. */
export function severityOf(labels: LabelSet | undefined): Severity | null {
  return SEVERITIES[labels?.severity?.toLowerCase() ?? ''] ?? null;
}

/** Labels worth showing beside the name. */
export function otherLabels(labels: LabelSet): [string, string][] {
  return Object.entries(labels).filter(([k]) => k !== 'alertname');
}

export type Emptiness = 'noFiles' | 'noneFound' | 'noAlerts' | 'noMatch';

/** Why there is nothing to show; `null` where there is something. */
export function whyEmpty(groups: readonly GroupItem[], rules: number, shown: number, config: string): Emptiness | null {
  if (shown > 0) return null;
  if (rules > 0) return 'noMatch';
  if (groups.some((g) => g.rules.length > 0)) return 'noAlerts';
  return /^rule_files:\s*\n\s*-\s*\S/m.test(config) || /^rule_files:\s*\[\s*[^\]\s]/m.test(config)
    ? 'noneFound'
    : 'noFiles';
}

/** A value as people read it. */
export function shownValue(text: string): string {
  const v = Number(text);
  return Number.isFinite(v) ? String(Number(v.toPrecision(6))) : text;
}

/** A time, or `null` for "never". */
export function timeOf(text: string): number | null {
  const ms = Date.parse(text);
  return ms > 0 ? ms : null;
}
