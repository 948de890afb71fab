import { useComputedColorScheme } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Scheme } from '../../chart/color';
import { localTime, utcTime } from '../../format/time';
import { sourceOf, type Entry } from './entries';
import { levelColor, levelInk } from './levels';
import classes from './Rows.module.css';
import { splitHits, type Needle } from './text';
import { preciseTime } from './time';

interface Props {
  entries: readonly Entry[];
  selected: string | null;
  needles: readonly Needle[];
  wrap: boolean;
  /** Whether each line says whose it is. */
  named: boolean;
  /** Whether the range is longer than a day. */
  dated: boolean;
  hasMore: boolean;
  height: string;
  footer: ReactNode;
  onSelect: (id: string) => void;
  onMore: () => void;
  /** Whether the first line is in sight. */
  onTop?: (top: boolean) => void;
}

const LINE_PX = 20;
/** A row shows no more of a line than this; the panel shows all of it. */
const SHOWN_CHARS = 4000;

/** Only the lines in sight are in the page; a hundred thousand scroll like ten. */
export function Rows(p: Props) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: p.entries.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
    getItemKey: (i) => p.entries[i]?.id ?? i,
  });
  const { wrap } = p;
  useEffect(() => virtual.measure(), [virtual, wrap]);
  const at = p.selected === null ? -1 : p.entries.findIndex((e) => e.id === p.selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
    // Only a new selection scrolls; lines that come in above it do not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [p.selected, at >= 0]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  const { hasMore, onMore } = p;
  const near = hasMore && last >= p.entries.length - 40;
  useEffect(() => {
    if (near) onMore();
  }, [near, onMore, p.entries.length]);
  return (
    <div
      ref={scroll}
      className={wrap ? `${classes.scroll} ${classes.wrap}` : classes.scroll}
      style={{ height: p.height }}
      role="listbox"
      aria-label={t('logs.rows')}
      aria-activedescendant={items.some((v) => v.index === at) ? `log-${p.selected ?? ''}` : undefined}
      tabIndex={0}
      data-testid="log-rows"
      onScroll={(e) => p.onTop?.(e.currentTarget.scrollTop < LINE_PX)}
    >
      <div className={classes.body} style={{ height: virtual.getTotalSize() }}>
        {items.map((v) => {
          const entry = p.entries[v.index];
          return entry ? (
            <div
              key={v.key}
              ref={wrap ? virtual.measureElement : undefined}
              data-index={v.index}
              className={classes.slot}
              style={{ transform: `translateY(${v.start}px)` }}
              role="presentation"
            >
              <Row
                entry={entry}
                scheme={scheme}
                needles={p.needles}
                selected={entry.id === p.selected}
                wrap={wrap}
                named={p.named}
                dated={p.dated}
                index={v.index}
                count={p.entries.length}
                onSelect={p.onSelect}
              />
            </div>
          ) : null;
        })}
      </div>
      <div className={classes.footer}>{p.footer}</div>
    </div>
  );
}

interface RowProps {
  entry: Entry;
  scheme: Scheme;
  needles: readonly Needle[];
  selected: boolean;
  wrap: boolean;
  named: boolean;
  dated: boolean;
  index: number;
  count: number;
  onSelect: (id: string) => void;
}

const Row = memo(function Row({
  entry,
  scheme,
  needles,
  selected,
  wrap,
  named,
  dated,
  index,
  count,
  onSelect,
}: RowProps) {
  const { t } = useTranslation();
  const lines = wrap ? 0 : entry.line.split('\n').length - 1;
  const first = wrap ? entry.line : (entry.line.split('\n', 1)[0] ?? '');
  return (
    <div
      role="option"
      id={`log-${entry.id}`}
      aria-selected={selected}
      aria-posinset={index + 1}
      aria-setsize={count}
      className={classes.row}
      style={{ borderLeftColor: levelColor(entry.level, scheme) }}
      onClick={() => {
        // A selection of text is no click on the line.
        if (window.getSelection()?.isCollapsed !== false) onSelect(entry.id);
      }}
    >
      <time className={classes.time} title={`${localTime(entry.ms)} · ${utcTime(entry.ms)}`}>
        {preciseTime(entry.ms, dated)}
      </time>
      <span className={classes.level} style={{ color: levelInk(entry.level, scheme) }}>
        {entry.level === 'unknown' ? '' : entry.level.toUpperCase()}
      </span>
      {named && (
        <span className={`${classes.source} cut`} title={sourceOf(entry.stream)}>
          {sourceOf(entry.stream)}
        </span>
      )}
      <span className={classes.text}>
        <Hits text={first.slice(0, SHOWN_CHARS)} needles={needles} />
        {first.length > SHOWN_CHARS && <span className="muted"> …</span>}
        {lines > 0 && <span className={classes.more}>{t('logs.moreLines', { count: lines })}</span>}
      </span>
    </div>
  );
});

export function Hits({ text, needles }: { text: string; needles: readonly Needle[] }) {
  return splitHits(text, needles).map((part, i) => (i % 2 === 1 ? <mark key={i}>{part}</mark> : part));
}
