import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import classes from './Chart.module.css';
import { placeMarks } from './marks';
import { columnsOf, inkOf, optionsOf, type Mark, type PlotHooks, type PlotSpec } from './plot';

interface Props extends PlotSpec {
  label: string;
  marks?: readonly Mark[];
  onZoom: (start: number, end: number) => void;
  onBack: () => void;
  onCursor?: (index: number | null) => void;
}

const MARK_CSS = { mark: classes.mark ?? '', rule: classes.rule ?? '', ruleBad: classes.ruleBad ?? '' };

/** A time chart: crosshair shared by `syncKey`, drag to zoom, double click to go back. */
export function Chart({ label, marks = [], onZoom, onBack, onCursor, ...spec }: Props) {
  const scheme = useComputedColorScheme('light');
  const box = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ spec, marks, onZoom, onBack, onCursor });
  latest.current = { spec, marks, onZoom, onBack, onCursor };

  // What the plot is made of; a change makes a new one. Everything else is set on the one that is there.
  const shape = useMemo(
    () =>
      JSON.stringify([
        spec.lines.map((l) => [l.key, l.label, l.color, l.limit]),
        spec.unit,
        spec.stacked,
        spec.height,
        spec.syncKey,
        scheme,
      ]),
    [spec.lines, spec.unit, spec.stacked, spec.height, spec.syncKey, scheme],
  );

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const hooks: PlotHooks = {
      onZoom: (a, b) => latest.current.onZoom(a, b),
      onBack: () => latest.current.onBack(),
      onCursor: (i) => latest.current.onCursor?.(i),
      onLayout: (u) => {
        if (layer.current) placeMarks(layer.current, u, latest.current.marks, MARK_CSS);
      },
    };
    // The options read start and end through this view, so that a moving range needs no new plot.
    const current = latest.current.spec;
    const view: PlotSpec = Object.defineProperties({ ...current } as PlotSpec, {
      start: { get: () => latest.current.spec.start },
      end: { get: () => latest.current.spec.end },
      atLeast: { get: () => latest.current.spec.atLeast },
    });
    const u = new uPlot(optionsOf(view, el.clientWidth || 300, inkOf(el), hooks), columnsOf(current).drawn, el);
    plot.current = u;
    const observer = new ResizeObserver(() => {
      if (el.clientWidth > 0 && el.clientWidth !== u.width) u.setSize({ width: el.clientWidth, height: u.height });
    });
    observer.observe(el);
    return () => {
      observer.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(columnsOf({ lines: spec.lines, gapMs: spec.gapMs, stacked: spec.stacked }).drawn);
  }, [spec.lines, spec.gapMs, spec.stacked, spec.start, spec.end, marks, shape]);

  return (
    <div className={classes.box} style={{ height: spec.height }} role="img" aria-label={label}>
      <div ref={box} />
      <div ref={layer} className={classes.marks} />
    </div>
  );
}
