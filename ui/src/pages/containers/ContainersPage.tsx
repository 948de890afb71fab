import { NativeSelect, SegmentedControl, Skeleton } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../../api/hooks';
import { oneOf } from '../../app/search';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { FilterBox } from '../../widgets/FilterBox';
import classes from './ContainersPage.module.css';
import { HeatMap } from './HeatMap';
import { NoContainers } from './NoContainers';
import { firstDirection, GROUPS, isUp, SORTS, type SortKey } from './rows';
import { SidePanel } from './SidePanel';
import { Table } from './Table';
import { useItems } from './useItems';
import { useListKeys } from './useListKeys';

export function ContainersPage() {
  const { t } = useTranslation();
  useTitle(t('nav.containers'));
  const navigate = useNavigate();
  const live = useLive();
  const [search, patch] = useUrlState();
  const [hover, setHover] = useState(false);
  const filterBox = useRef<HTMLInputElement>(null);
  const sort = oneOf(search.sort, SORTS);
  const down = (search.dir ?? firstDirection(sort)) === 'down';
  const group = oneOf(search.group, GROUPS);
  const view = oneOf(search.view, ['table', 'heat']);
  const filter = search.filter ?? '';
  const closedText = search.closed ?? '';
  const closed = useMemo(() => new Set(closedText === '' ? [] : closedText.split('\n')), [closedText]);
  const showGone = search.gone === '1' || filter !== '';
  const items = useItems(live.rows, { filter, sort, down, group, closed, showGone }, hover && sort !== 'worst');
  const selected = search.sel && live.rows.has(search.sel) ? search.sel : null;
  const selectedRow = selected ? live.rows.get(selected) : undefined;

  const onSort = useCallback(
    (key: SortKey) => {
      const flip = key === sort ? (down ? 'up' : 'down') : firstDirection(key);
      patch(
        { sort: key === 'worst' ? undefined : key, dir: flip === firstDirection(key) ? undefined : flip },
        { push: true },
      );
    },
    [patch, sort, down],
  );
  const onSelect = useCallback((id: string) => patch({ sel: id }), [patch]);
  const onClose = useCallback(() => patch({ sel: undefined }), [patch]);
  const onToggle = (name: string) => {
    const next = new Set(closed);
    if (!next.delete(name)) next.add(name);
    patch({ closed: next.size === 0 ? undefined : [...next].join('\n') });
  };
  useListKeys({
    items,
    selected,
    onSelect,
    onClose,
    onOpen: (id) => void navigate({ to: '/containers/$id', params: { id } }),
    onFilter: () => filterBox.current?.focus(),
  });

  const all = [...live.rows.values()];
  const up = all.filter(isUp).length;
  const stopped = all.filter((r) => !isUp(r) && r.facts.removed_ms === 0).length;
  return (
    <>
      <div className={classes.bar}>
        <h1 className={classes.title}>{t('nav.containers')}</h1>
        <FilterBox
          box={filterBox}
          w={260}
          filter={search.filter}
          onFilter={(filter) => patch({ filter })}
          label={t('containers.filter')}
          onKeyDown={(e) => {
            if (e.key === 'Escape' || e.key === 'Enter') e.currentTarget.blur();
          }}
        />
        <NativeSelect
          size="xs"
          aria-label={t('containers.groupBy')}
          value={group}
          onChange={(e) =>
            patch({ group: e.currentTarget.value === 'compose' ? undefined : e.currentTarget.value }, { push: true })
          }
          data={GROUPS.map((g) => ({ value: g, label: t(`containers.group.${g}`) }))}
        />
        <SegmentedControl
          size="xs"
          aria-label={t('containers.view')}
          value={view}
          onChange={(v) => patch({ view: v === 'table' ? undefined : v }, { push: true })}
          data={[
            { value: 'table', label: t('containers.table') },
            { value: 'heat', label: t('containers.heat') },
          ]}
        />
        <span className={classes.count} role="status">
          {live.loaded && t('containers.counts', { up, stopped })}
        </span>
      </div>
      <div className={classes.split}>
        <div className={classes.list}>
          {!live.loaded ? (
            <Waiting />
          ) : all.length === 0 ? (
            <NoContainers />
          ) : items.length === 0 ? (
            <div className={`panel ${classes.note}`}>{t('containers.noMatch', { filter })}</div>
          ) : view === 'heat' ? (
            <HeatMap items={items} rows={live.rows} selected={selected} onSelect={onSelect} />
          ) : (
            <Table
              items={items}
              rows={live.rows}
              selected={selected}
              nowMs={live.nowMs}
              sort={sort}
              down={down}
              onSort={onSort}
              onSelect={onSelect}
              onToggle={onToggle}
              onGone={() => patch({ gone: search.gone === '1' ? undefined : '1' })}
              onHover={setHover}
            />
          )}
        </div>
        {selectedRow && <SidePanel row={selectedRow} nowMs={live.nowMs} onClose={onClose} />}
      </div>
    </>
  );
}

function Waiting() {
  return (
    <div className="panel" style={{ padding: 12 }} aria-busy="true">
      {Array.from({ length: 12 }, (_, i) => (
        <Skeleton key={i} height={20} mb={12} animate={false} />
      ))}
    </div>
  );
}
