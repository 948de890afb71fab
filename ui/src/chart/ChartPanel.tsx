import { ActionIcon, Loader, Menu } from '@mantine/core';
import { useIntersection } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from '@tanstack/react-router';
import { useSwath, type Swath } from '../api/hooks';
import { copyText } from '../widgets/copy';
import type { Unit } from '../format/units';
import type { PageRange } from '../time/useRange';
import { Chart } from './Chart';
import classes from './ChartPanel.module.css';
import { CursorStore } from './cursor';
import { EmptyReason } from './EmptyReason';
import { Legend } from './Legend';
import type { Line, Mark } from './plot';

export interface PanelProps {
  title: string;
  unit: Unit;
  /** Distinguishes this chart's answers from others'. */
  id: string;
  /** Queries for a step in ms, in the order that `lines` expects. */
  queries: (step: number) => string[];
  lines: (swath: Swath, start: number, end: number) => Line[];
  range: PageRange;
  stacked?: boolean;
  height?: number;
  marks?: readonly Mark[];
  note?: ReactNode;
  atLeast?: number;
  legend?: boolean;
  /** The newest moment known from the live stream, which a live chart reaches to. */
  liveEnd?: number;
}

const NONE: readonly Mark[] = [];

/** A chart with its title, unit, legend, queries, and the reason where it is blank. */
export function ChartPanel(p: PanelProps) {
  const { t } = useTranslation();
  const { ref, entry } = useIntersection({ rootMargin: '300px' });
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (entry?.isIntersecting) setSeen(true);
  }, [entry?.isIntersecting]);
  const visible = entry?.isIntersecting ?? false;
  const height = p.height ?? 160;
  const swath = useSwath(p.queries, p.id, p.range, seen && visible);
  const [showQuery, setShowQuery] = useState(false);
  const cursor = useRef(new CursorStore()).current;
  const { data } = swath;
  const { start, end } = liveWindow(data, p.liveEnd, p.range.live);
  const build = p.lines;
  const lines = useMemo(() => (data ? build(data, start, end) : []), [data, build, start, end]);
  const blank = data !== undefined && !lines.some((l) => !l.limit && l.points.t.length > 0);
  const queries = p.queries(data?.step ?? 10_000);
  return (
    <section ref={ref} className={`panel ${classes.panel}`} aria-label={p.title}>
      <header className={classes.head}>
        <h3 className={classes.title}>{p.title}</h3>
        <span className={classes.note}>{p.note ?? t(`unit.${p.unit}`)}</span>
        <span className={classes.tools}>
          {swath.isFetching && !data && <Loader size={12} color="gray" />}
          <QueryMenu queries={queries} shown={showQuery} onShow={() => setShowQuery(!showQuery)} />
        </span>
      </header>
      {showQuery && <pre className={classes.query}>{queries.join('\n')}</pre>}
      <div className={classes.body} style={{ minHeight: height }}>
        {swath.error && !data ? (
          <div className={classes.blank} style={{ height }} role="alert">
            {swath.error.message || t('error.unreachable')}
          </div>
        ) : blank ? (
          <div className={classes.blank} style={{ height }}>
            <EmptyReason query={queries[0] ?? ''} range={p.range} />
          </div>
        ) : data ? (
          <>
            <Chart
              label={t('chart.of', { title: p.title })}
              lines={lines}
              unit={p.unit}
              stacked={p.stacked ?? false}
              start={start}
              end={end}
              gapMs={data.step * 2 + 2500}
              height={height}
              syncKey="page"
              marks={p.marks ?? NONE}
              atLeast={p.atLeast}
              onZoom={p.range.zoom}
              onBack={p.range.back}
              onCursor={cursor.set}
            />
            {p.legend !== false && (
              <div className={classes.legend}>
                <Legend lines={lines} unit={p.unit} gapMs={data.step * 2 + 2500} cursor={cursor} />
              </div>
            )}
          </>
        ) : null}
      </div>
    </section>
  );
}

/** A live chart moves with the newest second, without asking for its stored part each time. */
function liveWindow(data: Swath | undefined, liveEnd: number | undefined, live: boolean) {
  if (!data) return { start: 0, end: 1 };
  if (!live || liveEnd === undefined || liveEnd <= data.end) return { start: data.start, end: data.end };
  return { start: liveEnd - (data.end - data.start), end: liveEnd };
}

function QueryMenu({ queries, shown, onShow }: { queries: string[]; shown: boolean; onShow: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={24} aria-label={t('chart.menu')} title={queries.join('\n')}>
          <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
            <path d="M2.5 7h.01M7 7h.01M11.5 7h.01" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />
          </svg>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={onShow}>{shown ? t('chart.hideQuery') : t('chart.showQuery')}</Menu.Item>
        <Menu.Item onClick={() => void copyText(queries.join('\n'))}>{t('chart.copyQuery')}</Menu.Item>
        <Menu.Item
          onClick={() =>
            void navigate({
              to: '/explore',
              search: (s: Record<string, string | undefined>) => ({
                from: s.from,
                to: s.to,
                q: queries[0],
                view: 'graph',
              }),
            })
          }
        >
          {t('chart.openInExplore')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
