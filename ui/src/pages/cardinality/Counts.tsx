import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Breakable } from '../../widgets/Breakable';
import classes from './Cardinality.module.css';

export interface CountRow {
  key: string;
  name: string;
  /** What Explore opens with. */
  query: string;
  values: number[];
}

/** A list of names with numbers; the bar is the share of the largest. */
export function Counts(props: { title: string; hint?: string; columns: string[]; rows: CountRow[]; empty: string }) {
  const { i18n, t } = useTranslation();
  const { title, hint, columns, rows, empty } = props;
  const most = Math.max(1, ...rows.map((r) => r.values[0] ?? 0));
  return (
    <section className={`panel ${classes.box}`}>
      <h2 className={classes.title}>{title}</h2>
      {hint && <p className={`muted ${classes.hint}`}>{hint}</p>}
      {rows.length === 0 ? (
        <p className="muted">{empty}</p>
      ) : (
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('cardinality.column.name')}</th>
              {columns.map((c) => (
                <th key={c} className="num">
                  {c}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.key}>
                <td>
                  <Link
                    data-row
                    to="/explore"
                    search={(s: Record<string, string | undefined>) => ({ q: r.query, from: s.from, to: s.to })}
                    title={r.query}
                    className={`mono ${classes.name}`}
                  >
                    <Breakable text={r.name} />
                  </Link>
                  <span
                    className={classes.share}
                    aria-hidden="true"
                    style={{ width: `${(100 * (r.values[0] ?? 0)) / most}%` }}
                  />
                </td>
                {r.values.map((v, n) => (
                  <td key={n} className="num">
                    {v.toLocaleString(i18n.language)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
