import { useTranslation } from 'react-i18next';
import { span } from '../../format/time';
import { Fires } from '../../widgets/Fires';
import { AlertTable } from './AlertTable';
import classes from './Alerts.module.css';
import { otherLabels, severityOf, type AlertRule } from './model';
import { Expression, Labels, State } from './parts';

/** One alerting rule: a line that opens to its expression and its alerts. */
export function RuleCard({
  item,
  open,
  onToggle,
}: {
  item: AlertRule;
  open: boolean;
  onToggle: (open: boolean) => void;
}) {
  const { t, i18n } = useTranslation();
  const { rule, alerts, state } = item;
  const severity = severityOf(rule.labels) ?? severityOf(alerts[0]?.labels);
  return (
    <section className={`panel ${classes.card}`} data-state={state}>
      <button type="button" data-row className={classes.head} aria-expanded={open} onClick={() => onToggle(!open)}>
        <State state={state} />
        <span className={classes.name}>{rule.name}</span>
        {severity && <Fires severity={severity} />}
        {alerts.length > 0 && <span className={classes.badge}>{t('alerts.count', { count: alerts.length })}</span>}
        {rule.health === 'err' && <span className={classes.error}>{t('alerts.failed')}</span>}
        <span className={classes.place}>
          {item.group} · {item.file}
        </span>
      </button>
      {open && (
        <div className={classes.body}>
          {rule.lastError && (
            <p role="alert" className={classes.error}>
              {rule.lastError}
            </p>
          )}
          <Expression query={rule.query} logql={item.logql === true} />
          <p className={classes.facts}>
            {(rule.duration ?? 0) > 0 && (
              <span>{t('alerts.for', { time: span((rule.duration ?? 0) * 1000, i18n.language) })}</span>
            )}
            {(rule.keepFiringFor ?? 0) > 0 && (
              <span>{t('alerts.keepFor', { time: span((rule.keepFiringFor ?? 0) * 1000, i18n.language) })}</span>
            )}
            {otherLabels(rule.labels ?? {}).length > 0 && <Labels labels={rule.labels ?? {}} />}
          </p>
          {alerts.length === 0 ? (
            Object.entries(rule.annotations ?? {}).map(([k, v]) => (
              <div key={k} className={classes.annotation}>
                <span className="muted">{k}</span> {v}
              </div>
            ))
          ) : (
            <div className={classes.scroll}>
              <AlertTable rows={alerts.map((alert) => ({ alert, rule: item }))} named={false} />
            </div>
          )}
        </div>
      )}
    </section>
  );
}
