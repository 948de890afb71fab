import { useTranslation } from 'react-i18next';
import type { Status } from '../../api/types';
import { ago, localTime, utcTime } from '../../format/time';
import { bytes } from '../../format/units';
import { say } from '../../i18n/sentences';
import classes from './StatusPage.module.css';

/** What was not done, or given up, so that memory stays within its limit. */
export function Shed({ status: s }: { status: Status }) {
  const { t, i18n } = useTranslation();
  return (
    <section className={`panel ${classes.scroll} ${classes.queues}`}>
      <h2 className={`${classes.title} ${classes.tableTitle}`}>{t('status.shed')}</h2>
      {s.shed.length === 0 ? (
        <p className={`muted ${classes.box}`}>{t('status.nothingShed')}</p>
      ) : (
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('status.shedWhat')}</th>
              <th className="num">{t('status.shedCount')}</th>
              <th>{t('status.shedWhen')}</th>
              <th>{t('status.shedWhy')}</th>
            </tr>
          </thead>
          <tbody>
            {s.shed.map((x) => (
              <tr key={`${x.load} ${x.first_ms}`}>
                <td>{t(`status.shedLoad.${x.load}`)}</td>
                <td className="num">
                  {x.load === 'cache_bytes' ? bytes(x.count) : x.count.toLocaleString(i18n.language)}
                </td>
                <td title={`${utcTime(x.first_ms)} – ${utcTime(x.last_ms)}`}>
                  {localTime(x.first_ms)}
                  <div className="muted">{ago(x.last_ms, s.now_ms, i18n.language)}</div>
                </td>
                <td>{say(x.why, i18n.language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
