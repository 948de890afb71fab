import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { queryLines, nanos } from '../../api/loki';
import { localTime, utcTime } from '../../format/time';
import { bytes } from '../../format/units';
import { around, gapsOf } from './gaps';
import classes from './LogPanel.module.css';

interface Props {
  /** The selector of the container's streams. */
  streams: string;
  /** How far back is looked, ms. */
  backMs: number;
}

/** How many are asked for, and how many of them are listed. */
const MOST = 100;
const LISTED = 3;

/** Where lines of a container's log are missing: files that Docker deleted before they were read, and the like. */
export function LogGaps({ streams, backMs }: Props) {
  const { t } = useTranslation();
  const { data: gaps } = useQuery({
    queryKey: ['log-gaps', streams],
    queryFn: async ({ signal }) => {
      const now = Date.now();
      const query = `${streams} | gap != ""`;
      const span = { start: nanos(now - backMs), end: nanos(now + 60_000) };
      return gapsOf(await queryLines({ query, ...span, limit: MOST, direction: 'backward' }, signal));
    },
    refetchInterval: 30_000,
    retry: false,
  });
  if (!gaps || gaps.length === 0) return null;
  return (
    <div className={`panel ${classes.gaps}`} role="note" aria-label={t('logs.gaps.title')}>
      <strong>
        {t('logs.gaps.count', { count: gaps.length })}
        {gaps.length === MOST && '+'}
      </strong>
      <ul>
        {gaps.slice(0, LISTED).map((gap) => (
          <li key={gap.id} title={gap.line}>
            <Link to="/logs" search={{ q: streams, ...around(gap) }} title={utcTime(gap.ms)}>
              {localTime(gap.ms)}
            </Link>{' '}
            {t(`logs.gaps.${gap.kind}`)}
            {gap.bytes !== null && ` ${t('logs.gaps.bytes', { bytes: bytes(gap.bytes) })}`}
          </li>
        ))}
      </ul>
      {gaps.length > LISTED && (
        <Link to="/logs" search={{ q: `${streams} | gap != ""`, from: 'now-30d', to: 'now' }}>
          {t('logs.gaps.all')}
        </Link>
      )}
    </div>
  );
}
