/** What the cardinality page shows of the server's answer. */
import type { Cardinality, Fold } from '../../api/types';

export interface Count {
  name: string;
  value: number;
}

/** Whether every word of the filter is in the text. */
export function fits(filter: string, ...text: string[]): boolean {
  const all = text.join('\n').toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => all.includes(word));
}

export function chosenFolds(data: Cardinality, filter: string): Fold[] {
  return data.folds.filter((f) =>
    fits(filter, f.metric, ...f.labels, sourceText(f), ...f.sources.map((s) => `${s.job} ${s.instance}`)),
  );
}

/** The rows of a list that the filter leaves, by name. */
export function chosen<T extends { name: string }>(rows: readonly T[], filter: string): T[] {
  return rows.filter((r) => fits(filter, r.name));
}

/** Whose series fold: one target, or the one that brings most. */
export function sourceText(fold: Fold): string {
  const target = fold.target ?? fold.sources[0];
  return target ? [target.job, target.instance].filter(Boolean).join(' · ') : '';
}

/** All refusals of a fold together. */
export function refusedTotal(fold: Fold): number {
  return Object.values(fold.refused).reduce((sum, n) => sum + n, 0);
}

/** PromQL for the series of a metric, counted. */
export function countQuery(metric: string): string {
  return `count({__name__=${JSON.stringify(metric)}})`;
}

/** PromQL for the series of a label pair, given as `name=value`. */
export function pairQuery(pair: string): string {
  const at = pair.indexOf('=');
  const name = pair.slice(0, at);
  const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
  return `count({${plain ? name : JSON.stringify(name)}=${JSON.stringify(pair.slice(at + 1))}})`;
}

/** PromQL for the values of a label, counted. */
export function labelQuery(label: string): string {
  const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label);
  const name = plain ? label : JSON.stringify(label);
  return `count(count by (${name}) ({${name}!=""}))`;
}
