import { useTranslation } from 'react-i18next';
import type { RuleHealth } from '../alerts/model';

const COLOR = { ok: 'var(--bw-ok)', err: 'var(--bw-bad)', unknown: 'var(--bw-muted)' };

/** Whether a rule can be evaluated, as a shape and a word. */
export function Health({ health }: { health: RuleHealth }) {
  const { t } = useTranslation();
  return (
    <span style={{ display: 'inline-flex', gap: 6, alignItems: 'center', whiteSpace: 'nowrap', color: COLOR[health] }}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {health === 'ok' && <circle cx="6" cy="6" r="4" fill="currentColor" />}
        {health === 'err' && (
          <path d="M2.500 2.500l7 7M9.500 2.500l-7 7" stroke="currentColor" strokeWidth="2" fill="none" />
        )}
        {health === 'unknown' && <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeDasharray="2 2" />}
      </svg>
      {t(`rules.health.${health}`)}
    </span>
  );
}
