/** Answers of the query API as rows and lines. */
import type { LabelSet, QueryData } from '../../api/prometheus';
import { colorsFor, type Scheme } from '../../chart/color';
import type { Line } from '../../chart/plot';
import { pointsOf, seriesName } from '../../chart/series';

export interface ResultRow {
  metric: LabelSet;
  t: number;
  /** A number as the server wrote it; `null` for texts and histograms. */
  value: string | null;
  text: string;
}

/** More labels than this do not fit beside one another. */
const MOST_LABELS = 12;

/** Labels that differ between rows first, then those that are the same everywhere; the name of the metric leads. */
export function tableRows(data: QueryData): { rows: ResultRow[]; labels: string[] } {
  const rows = rowsOf(data);
  const values = new Map<string, Set<string>>();
  for (const r of rows)
    for (const [k, v] of Object.entries(r.metric)) {
      if (v === '') continue;
      const set = values.get(k) ?? new Set();
      set.add(v);
      values.set(k, set);
    }
  const weight = (k: string) => (k === '__name__' ? 0 : (values.get(k)?.size ?? 0) > 1 ? 1 : 2);
  const labels = [...values.keys()].sort((a, b) => weight(a) - weight(b) || a.localeCompare(b)).slice(0, MOST_LABELS);
  return { rows, labels };
}

function rowsOf(data: QueryData): ResultRow[] {
  switch (data.resultType) {
    case 'scalar':
    case 'string':
      return [
        {
          metric: {},
          t: data.result[0] * 1000,
          value: data.resultType === 'scalar' ? data.result[1] : null,
          text: data.result[1],
        },
      ];
    case 'vector':
      return data.result.map((i) => ({
        metric: i.metric,
        t: ((i.value ?? i.histogram)?.[0] ?? 0) * 1000,
        value: i.value?.[1] ?? null,
        text: i.histogram ? `count ${i.histogram[1].count}, sum ${i.histogram[1].sum}` : '',
      }));
    case 'matrix':
      return data.result.map((i) => {
        const last = i.values?.at(-1);
        return { metric: i.metric, t: (last?.[0] ?? 0) * 1000, value: last?.[1] ?? null, text: '' };
      });
  }
}

/** Lines for the chart; the same series has the same colour whatever else is drawn. */
export function graphLines(data: QueryData, scheme: Scheme, limit: number): Line[] {
  if (data.resultType !== 'matrix') return [];
  const named = data.result.slice(0, limit).map((item) => ({ name: seriesName(item.metric), item }));
  const colors = colorsFor(
    named.map((n) => n.name),
    scheme,
  );
  return named.map(({ name, item }) => ({
    key: name,
    label: name,
    color: colors.get(name) ?? '#888888',
    points: pointsOf(item),
  }));
}

/** Metric names that a query mentions, to guess the unit of what it gives. */
export function metricIn(query: string): string | null {
  return (
    /[a-zA-Z_:][a-zA-Z0-9_:]*(?=\s*[{[])/.exec(query)?.[0] ??
    /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*$/.exec(query)?.[1] ??
    null
  );
}
