import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { TFunction } from 'i18next';
import type { Swath } from '../../api/hooks';
import { ChartPanel } from '../../chart/ChartPanel';
import { colorAt, colorsFor, type Scheme } from '../../chart/color';
import type { Line } from '../../chart/plot';
import { pointsOf } from '../../chart/series';
import { rateWindow } from '../../time/range';
import type { PageRange } from '../../time/useRange';
import { fill, type NodePanel, type NodeQuery } from './panels';

/** A mode, device or state keeps its place in a stack whatever its value. */
const MODES = ['user', 'system', 'nice', 'iowait', 'irq', 'softirq', 'steal'];

function nameOf(q: NodeQuery, metric: Record<string, string>, t: TFunction): string {
  if ('word' in q.name) return t(`line.${q.name.word as 'limit'}`);
  if ('label' in q.name) return metric[q.name.label] ?? '';
  const [a, b] = q.name.labels;
  return [metric[a], metric[b]].filter(Boolean).join(' ');
}

export function nodeLines(panel: NodePanel, swath: Swath, t: TFunction, scheme: Scheme): Line[] {
  const found = panel.queries.flatMap((q, i) =>
    (swath.results[i] ?? []).map((item) => ({
      q,
      key: `${i}:${nameOf(q, item.metric, t)}`,
      item,
      name: nameOf(q, item.metric, t),
    })),
  );
  found.sort(
    (a, b) => rankOf(a.q, a.name) - rankOf(b.q, b.name) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  const colors = colorsFor(
    found.filter((f) => !('word' in f.q.name)).map((f) => f.name),
    scheme,
  );
  return found.map(({ q, key, item, name }) => ({
    key,
    label: name,
    color: q.limit
      ? scheme === 'dark'
        ? '#f4701f'
        : '#d2530f'
      : q.color !== undefined
        ? colorAt(q.color, scheme)
        : (colors.get(name) ?? '#888888'),
    points: pointsOf(item),
    ...(q.limit ? { limit: true } : {}),
  }));
}

/** Limits last, CPU modes in their usual order, words in the order they are written. */
function rankOf(q: NodeQuery, name: string): number {
  if (q.limit) return 1000;
  if ('word' in q.name) return q.color ?? 0;
  const mode = MODES.indexOf(name);
  return mode >= 0 ? mode : 100;
}

export function NodeChart({ panel, selector, range }: { panel: NodePanel; selector: string; range: PageRange }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const queries = useMemo(
    () => (step: number) => panel.queries.map((q) => fill(q.expr, selector, rateWindow(step, 10_000))),
    [panel, selector],
  );
  const lines = useMemo(() => (swath: Swath) => nodeLines(panel, swath, t, scheme), [panel, t, scheme]);
  return (
    <ChartPanel
      title={t(`node.panel.${panel.id as 'load'}`)}
      unit={panel.unit}
      id={`node:${selector}:${panel.id}`}
      queries={queries}
      lines={lines}
      range={range}
      stacked={panel.stacked}
      atLeast={panel.atLeast}
      height={132}
    />
  );
}
