import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useLive } from '../../api/hooks';
import type { ContainerFacts } from '../../api/types';
import { duration, localTime, utcTime } from '../../format/time';
import { bytes, format } from '../../format/units';
import { endingKey } from './Ending';
import { decided, differences, previousOf, type Decided } from './previous';
import classes from './Previous.module.css';
import { isUpState } from './state';

/** What is other than in the run before; nothing where there was none. */
export function Previous({ facts }: { facts: ContainerFacts }) {
  const { t } = useTranslation();
  const live = useLive();
  const before = previousOf(live.rows.values(), facts);
  if (!before) return null;
  const changed = differences(before, facts);
  return (
    <section className={`panel ${classes.box}`} aria-label={t('previous.title')}>
      <h2 className={classes.title}>{t('previous.title')}</h2>
      <p className={classes.how}>
        <Link to="/containers/$id" params={{ id: before.id }} className="mono">
          {before.runtime === 'cgroup' ? before.id : before.id.slice(0, 12)}
        </Link>{' '}
        <How facts={before} />
      </p>
      {changed.length === 0 ? (
        <p className="muted">{t('previous.same')}</p>
      ) : (
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('previous.what')}</th>
              <th>{t('previous.before')}</th>
              <th>{t('previous.now')}</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((key) => (
              <tr key={key}>
                <td>{t(`fact.${key}`)}</td>
                <td>
                  <Value facts={before} of={key} />
                </td>
                <td>
                  <Value facts={facts} of={key} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** How it ended, and after how long. */
function How({ facts: f }: { facts: ContainerFacts }) {
  const { t, i18n } = useTranslation();
  if (isUpState(f.state)) return t('previous.runs');
  const at = f.finished_ms || f.removed_ms;
  if (at === 0) return null;
  const lived = f.started_ms > 0 && at > f.started_ms ? duration(at - f.started_ms, i18n.language) : null;
  return (
    <>
      {t(`ending.${endingKey(f)}`)}
      {f.exit_code !== null && ` · ${t('verdict.exit', { code: f.exit_code })}`}
      {' · '}
      <time dateTime={new Date(at).toISOString()} title={utcTime(at)}>
        {localTime(at)}
      </time>
      {lived !== null && ` · ${t('previous.lived', { time: lived })}`}
    </>
  );
}

function Value({ facts, of }: { facts: ContainerFacts; of: Decided }) {
  const { t } = useTranslation();
  const value = decided(facts, of);
  if (typeof value === 'string') return <span className={`mono ${classes.lines}`}>{value || '–'}</span>;
  if (value === 0) return t('fact.noLimit');
  if (of === 'memoryLimit') return bytes(value);
  if (of === 'cpuLimit') return t('containers.coresShort', { cores: format(value, 'cores') });
  return String(value);
}
