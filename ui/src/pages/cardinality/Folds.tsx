import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useRelease } from '../../api/hooks';
import type { Fold } from '../../api/types';
import { ago, utcTime } from '../../format/time';
import { Breakable } from '../../widgets/Breakable';
import classes from './Cardinality.module.css';
import { countQuery, refusedTotal, sourceText } from './model';

/** What folds or is refused: metric, label, source, growth. */
export function Folds({ folds, now }: { folds: Fold[]; now: number }) {
  const { t } = useTranslation();
  const columns = ['metric', 'label', 'source', 'why', 'growth', 'members', 'refused', 'since'] as const;
  const numbers = new Set<string>(['growth', 'members', 'refused']);
  return (
    <div className={classes.scroll}>
      <table className={classes.table}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c} className={numbers.has(c) ? 'num' : undefined}>
                {t(`cardinality.column.${c}`)}
              </th>
            ))}
            <th>
              <span className="sr-only">{t('cardinality.column.action')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {folds.map((f) => (
            <Row key={`${f.metric} ${f.target?.job ?? ''} ${f.target?.instance ?? ''}`} fold={f} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ fold: f, now }: { fold: Fold; now: number }) {
  const { t, i18n } = useTranslation();
  const number = (v: number) => v.toLocaleString(i18n.language);
  const reasons = Object.entries(f.refused);
  return (
    <tr>
      <td>
        <Link
          data-row
          to="/explore"
          search={(s: Record<string, string | undefined>) => ({ q: countQuery(f.metric), from: s.from, to: s.to })}
          title={countQuery(f.metric)}
          className={`mono ${classes.name}`}
        >
          <Breakable text={f.metric} />
        </Link>
      </td>
      <td className="mono">{f.labels.join(', ') || <span className="muted">{t('cardinality.noLabel')}</span>}</td>
      <td>
        {sourceText(f) || '–'}
        {!f.target && f.sources.length > 1 && (
          <span className="muted"> {t('cardinality.others', { count: f.sources.length - 1 })}</span>
        )}
      </td>
      <td>{t(`cardinality.why.${f.why}`, { budget: number(f.budget) })}</td>
      <td className="num">{t('cardinality.perHour', { series: number(f.growth_1h) })}</td>
      <td className="num">{t('cardinality.in', { members: number(f.members), series: number(f.folded_series) })}</td>
      <td className="num">
        {number(refusedTotal(f))}
        {reasons.map(([reason, count]) => (
          <div key={reason} className={`muted ${classes.reason}`}>
            {t(`cardinality.refused.${reason}`, { defaultValue: reason })}: {number(count)}
          </div>
        ))}
      </td>
      <td title={utcTime(f.since_ms)}>{ago(f.since_ms, now, i18n.language)}</td>
      <td>
        <Release fold={f} />
      </td>
    </tr>
  );
}

/** Asks once more before it ends a fold. */
function Release({ fold }: { fold: Fold }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const release = useRelease();
  return (
    <>
      <button
        type="button"
        className={classes.release}
        disabled={release.isPending}
        title={t('cardinality.releaseHint')}
        onBlur={() => setAsked(false)}
        onClick={() => {
          if (asked) release.mutate(fold);
          setAsked(!asked);
        }}
      >
        {t(asked ? 'cardinality.releaseSure' : 'cardinality.release')}
      </button>
      {release.error && (
        <div role="alert" className={classes.error}>
          {release.error.message || t('error.unreachable')}
        </div>
      )}
    </>
  );
}
