import { useTranslation } from 'react-i18next';
import type { Queue } from '../../api/types';
import { ago, duration, utcTime } from '../../format/time';
import { bytes, format } from '../../format/units';
import { say } from '../../i18n/sentences';
import classes from './StatusPage.module.css';

function Activity({ activity }: { activity: Queue['activity'] }) {
  const { t } = useTranslation();
  const bad = activity === 'retrying' || activity === 'refused';
  return (
    <span className={classes.health}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {activity === 'sending' && <circle cx="6" cy="6" r="4" fill="var(--bw-ok)" />}
        {bad && <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" stroke="var(--bw-bad)" strokeWidth="2" fill="none" />}
        {!bad && activity !== 'sending' && (
          <circle cx="6" cy="6" r="4" fill="none" stroke="var(--bw-muted)" strokeDasharray="2 2" />
        )}
      </svg>
      {t(`status.activity.${activity}`)}
    </span>
  );
}

/** Where samples are passed on to, and what keeps them. */
export function Queues({ queues, now }: { queues: Queue[]; now: number }) {
  const { t, i18n } = useTranslation();
  if (queues.length === 0) return null;
  return (
    <section className={`panel ${classes.scroll} ${classes.queues}`}>
      <h2 className={`${classes.title} ${classes.tableTitle}`}>{t('status.remoteWrite')}</h2>
      <table className={classes.table}>
        <thead>
          <tr>
            <th>{t('status.receiver')}</th>
            <th>{t('status.state')}</th>
            <th className="num">{t('status.behind')}</th>
            <th className="num">{t('status.waiting')}</th>
            <th className="num">{t('status.shards')}</th>
            <th className="num">{t('status.sent')}</th>
            <th className="num">{t('status.failed')}</th>
            <th className="num">{t('status.droppedSamples')}</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((q) => (
            <tr key={`${q.name} ${q.url}`}>
              <td className="mono">
                {q.url}
                <span className="muted"> {q.name}</span>
                {q.last_error !== null && <div className={classes.lastError}>{say(q.last_error, i18n.language)}</div>}
                {q.lost_bytes > 0 && (
                  <div className={classes.lastError}>
                    {t('status.logLost', { bytes: bytes(q.lost_bytes), cap: bytes(q.cap_bytes) })}
                  </div>
                )}
              </td>
              <td>
                <Activity activity={q.activity} />
              </td>
              <td className="num" title={q.last_sent_ms > 0 ? utcTime(q.last_sent_ms) : ''}>
                {duration(q.lag_seconds * 1000, i18n.language)}
                {q.last_sent_ms > 0 && q.lag_bytes > 0 && (
                  <div className="muted">{ago(q.last_sent_ms, now, i18n.language)}</div>
                )}
              </td>
              <td className="num">{bytes(q.lag_bytes)}</td>
              <td className="num">{`${q.shards} / ${q.max_shards}`}</td>
              <td className="num">{format(q.sent, 'count')}</td>
              <td className="num">{format(q.failed, 'count')}</td>
              <td className="num">{format(q.dropped, 'count')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
