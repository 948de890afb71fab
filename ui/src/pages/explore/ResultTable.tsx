import {
  createColumnHelper,
  flexRender,
  getCoreRowModel,
  getSortedRowModel,
  useReactTable,
  type SortingState,
} from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { parseValue, type QueryData } from '../../api/prometheus';
import { seriesName } from '../../chart/series';
import { localTime, utcTime } from '../../format/time';
import classes from './ResultTable.module.css';
import { tableRows, type ResultRow } from './result';

const SHOWN = 1000;
const column = createColumnHelper<ResultRow>();

/** The instant answer as a table: one column a label where that fits, else the whole series. */
export function ResultTable({ data, onPick }: { data: QueryData; onPick: (query: string) => void }) {
  const { t } = useTranslation();
  const { rows, labels } = useMemo(() => tableRows(data), [data]);
  const [sorting, setSorting] = useState<SortingState>([]);
  const columns = useMemo(
    () => [
      ...labels.map((name) =>
        column.accessor((r) => r.metric[name] ?? '', {
          id: name,
          header: name === '__name__' ? t('explore.metric') : name,
          cell: (c) => <span title={c.getValue()}>{c.getValue()}</span>,
        }),
      ),
      column.accessor((r) => (r.value === null ? r.text : parseValue(r.value)), {
        id: ' value',
        header: t('explore.value'),
        cell: (c) => c.row.original.value ?? c.row.original.text,
        sortUndefined: 'last',
      }),
    ],
    [labels, t],
  );
  const table = useReactTable({
    data: rows,
    columns,
    state: { sorting },
    onSortingChange: setSorting,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  const at = rows[0]?.t;
  return (
    <>
      {at !== undefined && (
        <p className={classes.at} title={utcTime(at)}>
          {t('explore.at', { time: localTime(at) })}
          {rows.length > SHOWN && ` · ${t('explore.firstOf', { shown: SHOWN, count: rows.length })}`}
        </p>
      )}
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            {table.getHeaderGroups().map((g) => (
              <tr key={g.id}>
                {g.headers.map((h) => {
                  const sorted = h.column.getIsSorted();
                  return (
                    <th
                      key={h.id}
                      className={h.id === ' value' ? classes.value : undefined}
                      aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
                    >
                      <button type="button" className={classes.sort} onClick={h.column.getToggleSortingHandler()}>
                        {flexRender(h.column.columnDef.header, h.getContext())}
                        {sorted === 'asc' ? ' ↑' : sorted === 'desc' ? ' ↓' : ''}
                      </button>
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {table
              .getRowModel()
              .rows.slice(0, SHOWN)
              .map((r) => (
                <tr
                  key={r.id}
                  onDoubleClick={() => onPick(seriesName(r.original.metric))}
                  title={seriesName(r.original.metric)}
                >
                  {r.getVisibleCells().map((c) => (
                    <td key={c.id} className={c.column.id === ' value' ? classes.value : classes.cell}>
                      {flexRender(c.column.columnDef.cell, c.getContext())}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
