import type { MatrixItem } from '../api/prometheus';
import { parseValue } from '../api/prometheus';
import type { Points } from './points';

/** The points of a range answer; histograms are left to the table. */
export function pointsOf(item: MatrixItem): Points {
  const t: number[] = [];
  const v: (number | null)[] = [];
  for (const [at, text] of item.values ?? []) {
    const value = parseValue(text);
    t.push(Math.round(at * 1000));
    v.push(Number.isFinite(value) ? value : null);
  }
  return { t, v };
}

/** `name{a="b"}` as one would type it. */
export function seriesName(metric: Record<string, string>): string {
  const { __name__: name = '', ...rest } = metric;
  const inner = Object.entries(rest)
    .map(([k, v]) => `${labelName(k)}=${quote(v)}`)
    .join(', ');
  return inner ? `${name}{${inner}}` : name || '{}';
}

function labelName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name);
}

/** A PromQL string literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** A regular expression that matches exactly this text. */
export function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, (c) => (c === '/' || c === '-' ? c : `\\${c}`));
}
