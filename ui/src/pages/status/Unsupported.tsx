import { useTranslation } from 'react-i18next';
import { usePools } from '../../api/hooks';
import classes from './StatusPage.module.css';

/** Jobs whose discovery is not there: their targets are missing, and this is why. */
export function Unsupported() {
  const { t } = useTranslation();
  const { data } = usePools();
  const jobs = Object.entries(data?.unsupported ?? {});
  if (jobs.length === 0) return null;
  return (
    <section className={`panel ${classes.box}`} aria-label={t('status.unsupported')}>
      <h2 className={classes.title}>{t('status.unsupported')}</h2>
      <p className="muted">{t('status.unsupportedCosts')}</p>
      <ul>
        {jobs.map(([job, kinds]) => (
          <li key={job}>
            <strong>{job}</strong> <span className="mono">{kinds.join(', ')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
