import { useTranslation } from 'react-i18next';
import { Fires } from '../../widgets/Fires';
import classes from './Alerts.module.css';
import { severityOf, shownValue, type AlertItem, type AlertRule } from './model';
import { Ago, Labels, State } from './parts';

/** How many alerts are drawn; a rule gone wild raises thousands. */
const MOST = 500;

/** Alerts as rows; `named`: with the name of the rule, where the table mixes rules. */
export function AlertTable({ rows, named }: { rows: { alert: AlertItem; rule: AlertRule }[]; named: boolean }) {
  const { t } = useTranslation();
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th>{t('alerts.column.state')}</th>
          {named && <th>{t('alerts.column.name')}</th>}
          <th className={classes.wide}>{t('alerts.column.labels')}</th>
          <th>{t('alerts.column.since')}</th>
          <th className="num">{t('alerts.column.value')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, MOST).map(({ alert, rule }) => {
          const severity = severityOf(alert.labels);
          return (
            <tr key={`${rule.key} ${JSON.stringify(alert.labels)}`}>
              <td className={classes.when}>
                <State state={alert.state} />
                {alert.keepFiringSince && <div className="muted">{t('alerts.kept')}</div>}
              </td>
              {named && (
                <td className={classes.name}>
                  {rule.rule.name} {severity && <Fires severity={severity} />}
                </td>
              )}
              <td>
                <Labels labels={alert.labels} />
                {Object.entries(alert.annotations).map(([k, v]) => (
                  <div key={k} className={classes.annotation}>
                    <span className="muted">{k}</span> {v}
                  </div>
                ))}
              </td>
              <td className={classes.when}>
                <Ago at={alert.activeAt} />
              </td>
              <td className="num">{shownValue(alert.value)}</td>
            </tr>
          );
        })}
      </tbody>
      {rows.length > MOST && (
        <tfoot>
          <tr>
            <td colSpan={5} className="muted">
              {t('alerts.more', { count: rows.length - MOST })}
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}
