import { useMemo, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { format, type Unit } from '../format/units';
import type { CursorStore } from './cursor';
import classes from './Legend.module.css';
import type { Line } from './plot';
import { columnsOf } from './plot';
import { stats, type Stats } from './points';

type Column = 'label' | keyof Stats;
const NUMBERS = ['last', 'min', 'avg', 'max'] as const;

interface Props {
  lines: readonly Line[];
  unit: Unit;
  gapMs: number;
  cursor: CursorStore;
}

/** The legend is a table that sorts; while the crosshair is on a chart, `last` says the value under it. */
export function Legend({ lines, unit, gapMs, cursor }: Props) {
  const { t } = useTranslation();
  const [sort, setSort] = useState<{ by: Column; down: boolean } | null>(null);
  const index = useSyncExternalStore(cursor.subscribe, cursor.get);
  const raw = useMemo(() => columnsOf({ lines, gapMs, stacked: false }).raw, [lines, gapMs]);
  const rows = useMemo(() => {
    const all = lines.map((line, i) => ({ line, i, stats: stats(line.points.v) }));
    if (!sort) return all;
    const sign = sort.down ? -1 : 1;
    const by = sort.by;
    return all.sort((a, b) =>
      by === 'label'
        ? sign * a.line.label.localeCompare(b.line.label)
        : sign * ((a.stats[by] ?? -Infinity) - (b.stats[by] ?? -Infinity)),
    );
  }, [lines, sort]);
  const head = (by: Column, text: string, wide = false) => (
    <th
      className={wide ? classes.wide : undefined}
      aria-sort={sort?.by === by ? (sort.down ? 'descending' : 'ascending') : 'none'}
    >
      <button
        type="button"
        className={classes.sort}
        onClick={() => setSort({ by, down: sort?.by === by ? !sort.down : by !== 'label' })}
      >
        {text}
        {sort?.by === by && (sort.down ? ' ↓' : ' ↑')}
      </button>
    </th>
  );
  return (
    <div className={lines.length > 12 ? classes.scroll : undefined}>
      <table className={classes.table}>
        <thead>
          <tr>
            {head('label', t('chart.series'))}
            {head('last', index === null ? t('chart.last') : t('chart.here'))}
            {head('min', t('chart.min'), true)}
            {head('avg', t('chart.avg'))}
            {head('max', t('chart.max'))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ line, i, stats: s }) => (
            <tr key={line.key}>
              <td title={line.label}>
                <span
                  className={line.limit ? `${classes.swatch} ${classes.dashed}` : classes.swatch}
                  style={{ borderColor: line.color }}
                />
                {line.label}
              </td>
              {NUMBERS.map((n) => (
                <td key={n} className={n === 'min' ? classes.wide : undefined}>
                  {format(n === 'last' && index !== null ? (raw[i]?.[index] ?? null) : s[n], unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
