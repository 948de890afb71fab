import { useTranslation } from 'react-i18next';
import type { Severity } from '../api/types';
import { fires } from '../verdict/severity';

const FLAME =
  'M5 0c.5 2.1-2.9 3.3-2.9 6.300C2.1 8.2 3.4 9.5 5 9.500s2.9-1.3 2.9-3.200c0-1.2-.6-2-1.2-2.7-.1.8-.5 1.2-1 1.400C6.2 3.2 6 1.2 5 0z';

/** Severity as beacon fires, one to five; the word comes first for those who cannot see them. */
export function Fires({ severity, word = false }: { severity: Severity; word?: boolean }) {
  const { t } = useTranslation();
  const n = fires(severity);
  const name = t(`severity.${severity}`);
  const quiet = severity === 'ok' || severity === 'info';
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: 4, whiteSpace: 'nowrap' }}>
      <span className={word ? undefined : 'sr-only'}>{name}</span>
      <svg width={n * 9} height={11} viewBox={`0 0 ${n * 9} 11`} aria-hidden="true" focusable="false">
        <title>{name}</title>
        {Array.from({ length: n }, (_, i) => (
          <path
            key={i}
            d={FLAME}
            transform={`translate(${i * 9} 0.5)`}
            fill={quiet ? 'none' : 'var(--bw-ember-fill)'}
            stroke={quiet ? 'var(--bw-muted)' : 'var(--bw-ember-fill)'}
            strokeWidth={quiet ? 0.9 : 0.4}
          />
        ))}
      </svg>
    </span>
  );
}
