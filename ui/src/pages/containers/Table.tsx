import { useElementSize, useMergedRef } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { ContainerRow } from '../../api/types';
import { Row } from './Row';
import rowClasses from './Row.module.css';
import type { Item, SortKey } from './rows';
import { GoneLine, GroupLine } from './Lines';
import classes from './Table.module.css';

interface Props {
  items: readonly Item[];
  rows: ReadonlyMap<string, ContainerRow>;
  selected: string | null;
  nowMs: number;
  sort: SortKey;
  down: boolean;
  onSort: (key: SortKey) => void;
  onSelect: (id: string) => void;
  onToggle: (group: string) => void;
  onGone: () => void;
  onHover: (over: boolean) => void;
}

const HEADS: { key: SortKey | null; name: string; className: string; num?: boolean }[] = [
  { key: null, name: 'state', className: '' },
  { key: 'name', name: 'name', className: '' },
  { key: null, name: 'image', className: `${rowClasses.wide}` },
  { key: 'age', name: 'age', className: '', num: true },
  { key: null, name: 'spark', className: `${rowClasses.wide}` },
  { key: 'cpu', name: 'cpu', className: '', num: true },
  { key: 'memory', name: 'memory', className: '', num: true },
  { key: 'throttled', name: 'throttled', className: '', num: true },
  { key: 'network', name: 'network', className: '', num: true },
  { key: 'disk', name: 'disk', className: '', num: true },
  { key: 'restarts', name: 'restarts', className: '', num: true },
  { key: 'worst', name: 'worst', className: '', num: true },
];

function Head({ sort, down, onSort }: Pick<Props, 'sort' | 'down' | 'onSort'>) {
  const { t } = useTranslation();
  return (
    <div role="row" aria-rowindex={1} className={`${rowClasses.grid} ${classes.head}`}>
      {HEADS.map(({ key, name, className, num }) => {
        const text = t(`containers.column.${name as 'name'}`);
        const active = key !== null && key === sort;
        return (
          <span
            key={name}
            role="columnheader"
            aria-sort={active ? (down ? 'descending' : 'ascending') : undefined}
            className={`${className} ${num ? 'num' : ''}`}
          >
            {key === null ? (
              <span className={name === 'state' ? 'sr-only' : ''}>{text}</span>
            ) : (
              <button
                type="button"
                className={active ? `${classes.sort} ${classes.active}` : classes.sort}
                onClick={() => onSort(key)}
              >
                {text}
                {active ? (down ? ' ↓' : ' ↑') : ''}
              </button>
            )}
          </span>
        );
      })}
    </div>
  );
}

/** Only the lines in sight are in the page; a thousand containers scroll like ten. */
export function Table(p: Props) {
  const { t } = useTranslation();
  const scroll = useRef<HTMLDivElement>(null);
  const { ref: sized, width } = useElementSize();
  const narrow = width > 0 && width <= 720;
  const both = useMergedRef(scroll, sized);
  const rowHeight = narrow ? 56 : 32;
  const virtual = useVirtualizer({
    count: p.items.length,
    getScrollElement: () => scroll.current,
    estimateSize: (i) => (p.items[i]?.kind === 'row' ? rowHeight : 30),
    overscan: 12,
    getItemKey: (i) => itemKey(p.items[i]),
  });
  useEffect(() => virtual.measure(), [virtual, rowHeight, p.items]);
  const at = p.items.findIndex((x) => x.kind === 'row' && x.id === p.selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
    // Only a new selection scrolls; rows that move under it do not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [p.selected]);
  return (
    <div
      ref={both}
      className={`panel ${classes.scroll}`}
      role="table"
      aria-label={t('nav.containers')}
      aria-rowcount={p.items.length + 1}
      tabIndex={0}
      onPointerEnter={() => p.onHover(true)}
      onPointerLeave={() => p.onHover(false)}
    >
      <Head sort={p.sort} down={p.down} onSort={p.onSort} />
      <div className={classes.body} role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((v) => {
          const item = p.items[v.index];
          if (!item) return null;
          if (item.kind === 'group')
            return <GroupLine key={v.key} item={item} top={v.start} onToggle={() => p.onToggle(item.group.key)} />;
          if (item.kind === 'gone') return <GoneLine key={v.key} item={item} top={v.start} onToggle={p.onGone} />;
          const row = p.rows.get(item.id);
          return row ? (
            <Row
              key={v.key}
              row={row}
              top={v.start}
              index={v.index}
              selected={item.id === p.selected}
              nowMs={p.nowMs - (p.nowMs % 10_000)}
              narrow={narrow}
              onSelect={p.onSelect}
            />
          ) : null;
        })}
      </div>
    </div>
  );
}

function itemKey(item: Item | undefined): string {
  if (!item) return '';
  if (item.kind === 'row') return item.id;
  return item.kind === 'group' ? `group:${item.group.key}` : 'gone';
}
