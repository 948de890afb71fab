import { useTranslation } from 'react-i18next';
import type { ContainerFacts } from '../api/types';

type Facts = Pick<ContainerFacts, 'state' | 'exit_code' | 'health'>;

function shape({ state, exit_code, health }: Facts) {
  const stroke = { fill: 'none', strokeWidth: 1.8, strokeLinecap: 'round' } as const;
  switch (state) {
    case 'running':
      if (health === 'unhealthy') return <path d="M7 2.5 12 11.500H2z" fill="var(--bw-bad)" />;
      if (health === 'starting') return <circle cx="7" cy="7" r="3.8" {...stroke} stroke="var(--bw-ok)" />;
      return <circle cx="7" cy="7" r="4.2" fill="var(--bw-ok)" />;
    case 'paused':
      return <path d="M5 3.500v7M9 3.500v7" {...stroke} stroke="var(--bw-info)" strokeWidth={2.2} />;
    case 'restarting':
      return <path d="M11 7a4 4 0 1 1-1.3-3M10 1.500V4.300H7.2" {...stroke} stroke="var(--bw-warn)" />;
    case 'created':
      return <circle cx="7" cy="7" r="4" {...stroke} stroke="var(--bw-muted)" strokeDasharray="1.5 2.7" />;
    case 'exited':
      if (exit_code === 0) return <circle cx="7" cy="7" r="4" {...stroke} stroke="var(--bw-muted)" />;
      return <path d="M3.5 3.500l7 7M10.5 3.500l-7 7" {...stroke} stroke="var(--bw-bad)" />;
    case 'dead':
      return <path d="M3.5 3.500l7 7M10.5 3.500l-7 7" {...stroke} stroke="var(--bw-bad)" />;
    case 'removed':
      return <path d="M3 7h8" {...stroke} stroke="var(--bw-muted)" />;
    case 'unknown':
      return (
        <path d="M5 5a2 2 0 1 1 2.8 1.800C7.2 7.1 7 7.5 7 8.200M7 10.600v.2" {...stroke} stroke="var(--bw-muted)" />
      );
  }
}

/** A container's state as a shape; its colour only repeats what the shape says. */
export function StateMark({ facts, word = false }: { facts: Facts; word?: boolean }) {
  const { t } = useTranslation();
  const parts: string[] = [t(`state.${facts.state}`)];
  if (facts.state === 'exited' && facts.exit_code !== null) parts.push(String(facts.exit_code));
  if (facts.health) parts.push(t(`health.${healthKey(facts.health)}`));
  const text = parts.join(' · ');
  return (
    <span title={text} style={{ display: 'inline-flex', alignItems: 'center', gap: 4, flex: 'none' }}>
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" focusable="false">
        {shape(facts)}
      </svg>
      <span className={word ? undefined : 'sr-only'}>{text}</span>
    </span>
  );
}

function healthKey(health: string): 'healthy' | 'unhealthy' | 'starting' | 'other' {
  return health === 'healthy' || health === 'unhealthy' || health === 'starting' ? health : 'other';
}
