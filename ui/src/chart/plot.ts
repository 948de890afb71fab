import uPlot from 'uplot';
import type { Unit } from '../format/units';
import { format, tickBase } from '../format/units';
import { clockTime } from '../format/time';
import { align, breakGaps, stack, type Points } from './points';

export interface Line {
  key: string;
  label: string;
  color: string;
  points: Points;
  /** A limit: dashed, without area, not in the stack. */
  limit?: boolean;
}

export interface Mark {
  t: number;
  kind: 'start' | 'die' | 'oom' | 'health' | 'other';
  title: string;
}

export interface PlotSpec {
  lines: readonly Line[];
  unit: Unit;
  stacked: boolean;
  start: number;
  end: number;
  gapMs: number;
  height: number;
  /** Charts with the same key share their crosshair. */
  syncKey: string;
  /** The axis reaches at least to here, so that a quiet line looks quiet. */
  atLeast?: number;
}

export interface PlotHooks {
  onZoom: (start: number, end: number) => void;
  onBack: () => void;
  onCursor: (index: number | null) => void;
  onLayout: (u: uPlot) => void;
}

export interface Ink {
  text: string;
  grid: string;
  axis: string;
  font: string;
}

export function inkOf(el: Element): Ink {
  const css = getComputedStyle(el);
  return {
    text: css.getPropertyValue('--bw-muted').trim(),
    grid: css.getPropertyValue('--bw-faint').trim(),
    axis: css.getPropertyValue('--bw-line').trim(),
    font: '11px system-ui, -apple-system, "Segoe UI", sans-serif',
  };
}

/** Columns for uPlot: what is drawn (sums in a stack), and what the legend says. */
export function columnsOf(spec: Pick<PlotSpec, 'lines' | 'gapMs' | 'stacked'>): {
  drawn: uPlot.AlignedData;
  raw: (number | null | undefined)[][];
} {
  // A limit holds between the points that say it; a measured line breaks where nothing was measured.
  const [xs, ...raw] = align(spec.lines.map((l) => (l.limit ? l.points : breakGaps(l.points, spec.gapMs))));
  const shown = spec.stacked ? stackLines(spec.lines, raw) : raw;
  return { drawn: [xs.map((x) => x / 1000), ...shown] as uPlot.AlignedData, raw };
}

function stackLines(lines: readonly Line[], raw: (number | null | undefined)[][]) {
  const areas = lines.map((l, i) => (l.limit ? -1 : i)).filter((i) => i >= 0);
  const sums = stack(areas.map((i) => raw[i] ?? []));
  const out = raw.slice();
  areas.forEach((i, k) => {
    out[i] = sums[k] ?? [];
  });
  return out;
}

function withAlpha(hex: string, alpha: string): string {
  return hex.startsWith('#') && hex.length === 7 ? hex + alpha : hex;
}

const DAY_S = 86_400;

function timeMarks(_u: uPlot, splits: number[], _axis: number, _space: number, incr: number): string[] {
  let day = '';
  return splits.map((s) => {
    const d = new Date(s * 1000);
    const date = `${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
    if (incr >= DAY_S) return date;
    const clock = clockTime(s * 1000);
    const text = incr < 60 ? clock : clock.slice(0, 5);
    const midnight = text === '00:00' && day !== '' && day !== date;
    day = date;
    return midnight ? date : text;
  });
}

const BINARY_STEPS = Array.from({ length: 60 }, (_, i) => 2 ** i);

export function optionsOf(spec: PlotSpec, width: number, ink: Ink, hooks: PlotHooks): uPlot.Options {
  const binary = tickBase(spec.unit) === 2;
  const areas = spec.lines.map((l, i) => (l.limit ? -1 : i + 1)).filter((i) => i > 0);
  return {
    width,
    height: spec.height,
    padding: [10, 10, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: spec.syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: 5 },
      focus: { prox: -1 },
      bind: {
        dblclick: () => () => {
          hooks.onBack();
          return null;
        },
      },
    },
    scales: {
      x: { time: true, range: () => [spec.start / 1000, spec.end / 1000] },
      y: {
        range: (_u, min, max) => {
          const top = Math.max(max ?? 0, spec.atLeast ?? 0);
          const low = Math.min(min ?? 0, 0);
          if (top === 0 && low === 0) return [0, 1];
          return [low * 1.05, top + (top - low) * 0.06];
        },
      },
    },
    axes: [
      {
        stroke: ink.text,
        font: ink.font,
        size: 24,
        gap: 4,
        grid: { stroke: ink.grid, width: 1 },
        ticks: { show: false },
        values: timeMarks,
        space: 64,
      },
      {
        stroke: ink.text,
        font: ink.font,
        size: 68,
        gap: 6,
        grid: { stroke: ink.grid, width: 1 },
        ticks: { show: false },
        space: 28,
        values: (_u, splits) => splits.map((s) => format(s, spec.unit)),
        ...(binary ? { incrs: BINARY_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...spec.lines.map((l, i): uPlot.Series => {
        const first = areas[0] === i + 1;
        const alone = areas.length === 1 && !l.limit;
        return {
          label: l.label,
          stroke: l.color,
          width: l.limit ? 1.2 : spec.stacked ? 1 : 1.3,
          points: { show: !l.limit && l.points.t.length < 3, size: 4 },
          ...(l.limit ? { dash: [6, 4] } : {}),
          ...(spec.stacked && first ? { fill: withAlpha(l.color, '66') } : {}),
          ...(!spec.stacked && alone ? { fill: withAlpha(l.color, '22') } : {}),
        };
      }),
    ],
    bands: spec.stacked
      ? areas.slice(1).map((s, k) => ({
          series: [s, areas[k] ?? s] as [number, number],
          fill: withAlpha(spec.lines[s - 1]?.color ?? '#888888', '66'),
        }))
      : [],
    hooks: {
      setCursor: [(u) => hooks.onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return;
          const a = u.posToVal(u.select.left, 'x') * 1000;
          const b = u.posToVal(u.select.left + u.select.width, 'x') * 1000;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          hooks.onZoom(Math.round(a), Math.round(b));
        },
      ],
      draw: [hooks.onLayout],
    },
  };
}
