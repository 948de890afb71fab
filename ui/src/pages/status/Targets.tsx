import { useTranslation } from 'react-i18next';
import { useTargets, type TargetItem } from '../../api/hooks';
import { ago, utcTime } from '../../format/time';
import { format } from '../../format/units';
import classes from './StatusPage.module.css';
import { Unsupported } from './Unsupported';

const MOST_LABELS = 8;

function Health({ health }: { health: TargetItem['health'] }) {
  const { t } = useTranslation();
  return (
    <span className={classes.health}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {health === 'up' && <circle cx="6" cy="6" r="4" fill="var(--bw-ok)" />}
        {health === 'down' && <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" stroke="var(--bw-bad)" strokeWidth="2" fill="none" />}
        {health === 'unknown' && (
          <circle cx="6" cy="6" r="4" fill="none" stroke="var(--bw-muted)" strokeDasharray="2 2" />
        )}
      </svg>
      {t(`status.health.${health}`)}
    </span>
  );
}

/** What is scraped, and why not where it is not. */
export function Targets() {
  const { t, i18n } = useTranslation();
  const { data, error } = useTargets();
  if (error && !data)
    return (
      <div role="alert" className={`panel ${classes.box}`}>
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!data) return null;
  if (data.activeTargets.length === 0)
    return (
      <div className={classes.stack}>
        <Unsupported />
        <div className={`panel ${classes.box} muted`}>{t('status.noTargets')}</div>
      </div>
    );
  const rank = { down: 0, unknown: 1, up: 2 };
  const list = [...data.activeTargets].sort(
    (a, b) =>
      rank[a.health] - rank[b.health] ||
      a.scrapePool.localeCompare(b.scrapePool) ||
      a.scrapeUrl.localeCompare(b.scrapeUrl),
  );
  return (
    <div className={classes.stack}>
      <Unsupported />
      <div className={`panel ${classes.scroll}`}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('status.pool')}</th>
              <th>{t('status.endpoint')}</th>
              <th>{t('status.state')}</th>
              <th>{t('status.lastScrape')}</th>
              <th className="num">{t('status.took')}</th>
              <th>{t('status.labels')}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((x) => {
              const at = Date.parse(x.lastScrape);
              const scraped = at > 0;
              const labels = Object.entries(x.labels).slice(0, MOST_LABELS);
              return (
                <tr key={`${x.scrapePool}${x.scrapeUrl}`}>
                  <td>{x.scrapePool}</td>
                  <td className="mono">
                    {x.scrapeUrl}
                    {x.lastError && <div className={classes.lastError}>{x.lastError}</div>}
                  </td>
                  <td>
                    <Health health={x.health} />
                  </td>
                  <td title={scraped ? utcTime(at) : ''}>
                    {scraped ? ago(at, Date.now(), i18n.language) : t('status.never')}
                    <span className="muted"> · {t('status.every', { interval: x.scrapeInterval })}</span>
                  </td>
                  <td className="num">{scraped ? format(x.lastScrapeDuration, 'seconds') : '–'}</td>
                  <td className="mono muted">{labels.map(([k, v]) => `${k}="${v}"`).join(' ')}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {data.droppedTargets.length > 0 && (
          <p className={`muted ${classes.dropped}`}>{t('status.dropped', { count: data.droppedTargets.length })}</p>
        )}
      </div>
    </div>
  );
}
