import { useTranslation } from 'react-i18next';
import type { ContainerEvent } from '../../api/types';
import { clockTime, localTime, utcTime } from '../../format/time';
import classes from './EventList.module.css';
import { eventText } from './marks';

const SHOWN = 60;

/** What happened in the range, newest first. */
export function EventList({ events }: { events: readonly ContainerEvent[] | undefined }) {
  const { t } = useTranslation();
  const list = [...(events ?? [])].reverse().slice(0, SHOWN);
  return (
    <section className={`panel ${classes.box}`} aria-label={t('container.events')}>
      <h3 className={classes.title}>{t('container.events')}</h3>
      {events && list.length === 0 && <p className={classes.none}>{t('container.noEvents')}</p>}
      <ol className={classes.list}>
        {list.map((e, i) => (
          <li key={`${e.t}${e.action}${i}`} className={classes.item}>
            <time
              dateTime={new Date(e.t).toISOString()}
              title={`${localTime(e.t)} · ${utcTime(e.t)}`}
              className="muted"
            >
              {clockTime(e.t)}
            </time>
            <span>{eventText(e, t)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
