import { useComputedColorScheme } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { inkOf, optionsOf } from '../../chart/plot';
import chartClasses from '../../chart/Chart.module.css';
import { localTime } from '../../format/time';
import { format } from '../../format/units';
import type { PageRange } from '../../time/useRange';
import { fieldState } from './ask';
import classes from './Histogram.module.css';
import { stackedColumns, type Bars } from './bars';
import { levelColor, type Level } from './levels';

interface Props {
  bars: Bars;
  start: number;
  end: number;
  stepMs: number;
  range: PageRange;
  /** What stands in the box, to show which levels are chosen. */
  text: string;
  query: string;
  onLevel: (level: Level) => void;
  onQuery: () => void;
}

const HEIGHT = 96;

/** How many lines, when, at which level. Drag to zoom, double click to go back, a level to see only it. */
export function Histogram({ bars, start, end, stepMs, range, text, query, onLevel, onQuery }: Props) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const box = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const latest = useRef({ bars, start, end, range, stepMs, t });
  latest.current = { bars, start, end, range, stepMs, t };
  const plot = useRef<uPlot | null>(null);
  const shape = JSON.stringify([bars.levels.map((l) => l.level), scheme]);

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const levels = latest.current.bars.levels;
    const base = optionsOf(
      {
        lines: levels.map((l) => ({
          key: l.level,
          label: l.level,
          color: levelColor(l.level, scheme),
          points: { t: [], v: [] },
        })),
        unit: 'count',
        stacked: false,
        get start() {
          return latest.current.start;
        },
        get end() {
          return latest.current.end;
        },
        gapMs: 0,
        height: HEIGHT,
        syncKey: 'page',
      },
      el.clientWidth || 300,
      inkOf(el),
      {
        onZoom: (a, b) => latest.current.range.zoom(a, b),
        onBack: () => latest.current.range.back(),
        onCursor: (i) => {
          if (tip.current) tip.current.textContent = i === null ? '' : hereText(latest.current, i);
        },
        onLayout: () => undefined,
      },
    );
    // A value counts the step that ends at its time, so its bar lies left of it.
    const paths = uPlot.paths.bars?.({ size: [1, 40], align: -1, gap: 1 });
    const options: uPlot.Options = {
      ...base,
      // The tallest sum is drawn first, the lower ones over it.
      series: [
        {},
        ...levels
          .map((l) => ({
            label: l.level,
            stroke: levelColor(l.level, scheme),
            fill: levelColor(l.level, scheme),
            width: 0,
            paths,
            points: { show: false },
          }))
          .reverse(),
      ],
      bands: [],
    };
    const u = new uPlot(options, columns(latest.current.bars), el);
    plot.current = u;
    const observer = new ResizeObserver(() => {
      if (el.clientWidth > 0 && el.clientWidth !== u.width) u.setSize({ width: el.clientWidth, height: HEIGHT });
    });
    observer.observe(el);
    return () => {
      observer.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape, scheme]);

  useEffect(() => {
    plot.current?.setData(columns(bars));
  }, [bars, start, end, shape]);

  const label = useMemo(() => `${t('logs.histogram')}: ${t('logs.counted', { count: bars.total })}`, [t, bars.total]);
  return (
    <section className={`panel ${classes.panel}`} aria-label={t('logs.histogram')}>
      <div className={chartClasses.box} style={{ height: HEIGHT }} role="img" aria-label={label} ref={box} />
      <div className={classes.legend}>
        <strong title={query}>{t('logs.counted', { count: bars.total })}</strong>
        {bars.levels.map(({ level, total }) => (
          <button
            key={level}
            type="button"
            className={classes.level}
            aria-pressed={fieldState(text, 'level', level) === true}
            disabled={level === 'unknown'}
            title={level === 'unknown' ? undefined : t('logs.onlyLevel', { level: t(`logs.level.${level}`) })}
            onClick={() => onLevel(level)}
          >
            <span className={classes.swatch} style={{ background: levelColor(level, scheme) }} />
            {t(`logs.level.${level}`)} <span className="muted">{format(total, 'count')}</span>
          </button>
        ))}
        <span ref={tip} className={classes.tip} />
        <button type="button" className={classes.level} title={query} onClick={onQuery}>
          {t('logs.asChart')}
        </button>
      </div>
    </section>
  );
}

function columns(bars: Bars): uPlot.AlignedData {
  const [t = [], ...sums] = stackedColumns(bars);
  return [t, ...sums.reverse()] as uPlot.AlignedData;
}

type Latest = { bars: Bars; stepMs: number; t: TFunction };

/** What lies under the crosshair. */
function hereText({ bars, stepMs, t }: Latest, i: number): string {
  const at = bars.t[i];
  if (at === undefined) return '';
  const parts = bars.levels.flatMap((l) =>
    l.counts[i] ? [`${t(`logs.level.${l.level}`)} ${format(l.counts[i], 'count')}`] : [],
  );
  return `${localTime(at - stepMs)} · ${format(stepMs / 1000, 'seconds')} · ${parts.join(' · ') || '0'}`;
}
