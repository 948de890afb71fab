import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useTargets, usePools, type DroppedItem, type TargetItem } from '../../api/hooks';
import classes from './StatusPage.module.css';
import { Unsupported } from './Unsupported';

/** Rows of a job; more would only keep the browser busy. */
const MOST_ROWS = 500;

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
    <div className={classes.stack}>
      <Unsupported />
      {pools.scrapePools.map((pool) => (
        <Job
          key={pool}
          name={pool}
          active={targets.activeTargets.filter((x) => x.scrapePool === pool)}
          dropped={targets.droppedTargets.filter((x) => x.scrapePool === pool)}
          opened={pools.scrapePools.length === 1}
        />
      ))}
    </div>
  );
}

function Job(props: { name: string; active: TargetItem[]; dropped: DroppedItem[]; opened: boolean }) {
  const { t } = useTranslation();
  const { name, active, dropped } = props;
  const [open, setOpen] = useState(props.opened);
  const all = active.length + dropped.length;
  const rows = [
    ...active.map((x) => ({ found: text(x.discoveredLabels), made: text(x.labels) })),
    ...dropped.map((x) => ({ found: text(x.discoveredLabels), made: null })),
  ].slice(0, MOST_ROWS);
  return (
    <details
      className={`panel ${classes.scroll}`}
      open={open}
      onToggle={(e) => {
        setOpen(e.currentTarget.open);
      }}
    >
      <summary className={classes.box}>
        <strong>{name}</strong>{' '}
        <span className="muted">{t('status.discoveredCount', { active: active.length, count: all })}</span>
      </summary>
      {open && all > 0 && (
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('status.discoveredLabels')}</th>
              <th>{t('status.targetLabels')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row, n) => (
              <tr key={n}>
                <td className={`mono ${classes.labels}`}>{row.found}</td>
                {row.made === null ? (
                  <td className="muted">{t('status.droppedByRelabelling')}</td>
                ) : (
                  <td className={`mono ${classes.labels}`}>{row.made}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {open && all > rows.length && (
        <p className={`muted ${classes.box}`}>{t('status.discoveredMore', { count: all - rows.length })}</p>
      )}
    </details>
  );
}
