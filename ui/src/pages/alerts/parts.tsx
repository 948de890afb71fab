import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { ago, localTime, utcTime } from '../../format/time';
import classes from './Alerts.module.css';
import { otherLabels, timeOf, type Emptiness, type LabelSet, type RuleState } from './model';

/** A state as a shape and a word. */
export function State({ state }: { state: RuleState }) {
  const { t } = useTranslation();
  return (
    <span className={classes.state} data-state={state}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {state === 'firing' && <path d="M6 0.500 12 11.500H0z" fill="currentColor" />}
        {state === 'pending' && <circle cx="6" cy="6" r="4.500" fill="none" stroke="currentColor" strokeWidth="2" />}
        {state === 'inactive' && (
          <path d="M2 6.500 5 9.500 10.500 2.500" fill="none" stroke="currentColor" strokeWidth="1.800" />
        )}
        {state === 'unknown' && (
          <circle cx="6" cy="6" r="4.500" fill="none" stroke="currentColor" strokeDasharray="2 2" />
        )}
      </svg>
      {t(`alerts.state.${state}`)}
    </span>
  );
}

export function Labels({ labels }: { labels: LabelSet }) {
  return (
    <span className={classes.labels}>
      {otherLabels(labels).map(([k, v]) => (
        <span key={k} className={classes.label}>
          {k}="{v}"
        </span>
      ))}
    </span>
  );
}

/** How long ago, with the time itself on hover. */
export function Ago({ at }: { at: string }) {
  const { t, i18n } = useTranslation();
  const ms = timeOf(at);
  if (ms === null) return t('alerts.never');
  return <span title={`${localTime(ms)} · ${utcTime(ms)}`}>{ago(ms, Date.now(), i18n.language)}</span>;
}

/** An expression, and the way to Explore, or to Logs where it is over logs. */
export function Expression({ query, logql }: { query: string; logql: boolean }) {
  const { t } = useTranslation();
  return (
    <div className={classes.expression}>
      <pre className="mono">{query}</pre>
      <Link
        to={logql ? '/logs' : '/explore'}
        search={(s: Record<string, string | undefined>) => ({
          q: query,
          ...(logql ? {} : { view: 'graph' }),
          from: s.from,
          to: s.to,
        })}
      >
        {t(logql ? 'rules.openInLogs' : 'chart.openInExplore')}
      </Link>
    </div>
  );
}

/** Why a list is empty, and what helps. */
export function Empty({ reason, onClear }: { reason: Emptiness; onClear: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={`panel ${classes.empty}`}>
      <p>{t(`alerts.empty.${reason}`)}</p>
      {reason === 'noFiles' && <pre className="mono">{'rule_files:\n  - rules/*.yml'}</pre>}
      {reason === 'noMatch' && (
        <button type="button" className={classes.plain} onClick={onClear}>
          {t('alerts.clear')}
        </button>
      )}
    </div>
  );
}
