import { useTranslation } from 'react-i18next';
import { usePools, useTargets } from '../../api/hooks';
import { Unsupported } from './Unsupported';
import classes from './StatusPage.module.css';

function text(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([k, v]) => `${k}="${v}"`)
    .join('\n');
}

/** What discovery found, job by job, and what relabelling made of it. */
export function Discovery() {
  const { t } = useTranslation();
  const { data: targets, error } = useTargets();
  const { data: pools } = usePools();
  if (error && !targets)
    return (
      <div role="alert" className={`panel ${classes.box}`}>
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!targets || !pools) return null;
  if (pools.scrapePools.length === 0)
    return <div className={`panel ${classes.box} muted`}>{t('status.noTargets')}</div>;
  return (
    <>
      <Unsupported />
      {pools.scrapePools.map((pool) => {
        const active = targets.activeTargets.filter((x) => x.scrapePool === pool);
        const dropped = targets.droppedTargets.filter((x) => x.scrapePool === pool);
        return (
          <details key={pool} className={`panel ${classes.scroll}`} open={pools.scrapePools.length === 1}>
            <summary className={classes.box}>
              <strong>{pool}</strong>{' '}
              <span className="muted">
                {t('status.discoveredCount', { active: active.length, count: active.length + dropped.length })}
              </span>
            </summary>
            <table className={classes.table}>
              <thead>
                <tr>
                  <th>{t('status.discoveredLabels')}</th>
                  <th>{t('status.targetLabels')}</th>
                </tr>
              </thead>
              <tbody>
                {active.map((x, i) => (
                  <tr key={`a${i}`}>
                    <td className={`mono ${classes.labels}`}>{text(x.discoveredLabels)}</td>
                    <td className={`mono ${classes.labels}`}>{text(x.labels)}</td>
                  </tr>
                ))}
                {dropped.map((x, i) => (
                  <tr key={`d${i}`}>
                    <td className={`mono ${classes.labels}`}>{text(x.discoveredLabels)}</td>
                    <td className="muted">{t('status.droppedByRelabelling')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        );
      })}
    </>
  );
}
