import { useTranslation } from 'react-i18next';
import type { ReactNode } from 'react';
import type { ContainerFacts } from '../../api/types';
import { ago, duration, localTime, utcTime } from '../../format/time';
import { bytes, format } from '../../format/units';
import { isUpState } from './state';
import classes from './FactList.module.css';

interface Props {
  facts: ContainerFacts;
  oomKills: number;
  nowMs: number;
}

function Moment({ ms, nowMs }: { ms: number; nowMs: number }) {
  const { i18n } = useTranslation();
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${localTime(ms)} · ${utcTime(ms)}`}>
      {ago(ms, nowMs, i18n.language)}
    </time>
  );
}

/** What inspect says, in the order in which one asks. */
export function FactList({ facts: f, oomKills, nowMs }: Props) {
  const { t, i18n } = useTranslation();
  const up = isUpState(f.state);
  const rows: [string, ReactNode][] = [];
  const add = (key: Parameters<typeof label>[0], value: ReactNode) => rows.push([label(key), value]);
  function label(
    key:
      | 'image'
      | 'digest'
      | 'id'
      | 'up'
      | 'started'
      | 'ended'
      | 'removed'
      | 'created'
      | 'exit'
      | 'restarts'
      | 'policy'
      | 'oom'
      | 'cpuLimit'
      | 'memoryLimit'
      | 'pidsLimit'
      | 'health'
      | 'error'
      | 'compose'
      | 'node'
      | 'runtime'
      | 'ports'
      | 'addresses'
      | 'mounts'
      | 'logDriver',
  ) {
    return t(`fact.${key}`);
  }
  add('image', <span className="mono">{f.image || '–'}</span>);
  if (f.image_digest)
    add(
      'digest',
      <span className="mono" title={f.image_digest}>
        {f.image_digest.replace(/^sha256:/, '').slice(0, 12)}
      </span>,
    );
  add(
    'id',
    <span className="mono" title={f.id}>
      {f.runtime === 'cgroup' ? f.id : f.id.slice(0, 12)}
    </span>,
  );
  if (up && f.started_ms > 0)
    add(
      'up',
      <span title={`${localTime(f.started_ms)} · ${utcTime(f.started_ms)}`}>
        {duration(nowMs - f.started_ms, i18n.language)}
      </span>,
    );
  if (!up && f.started_ms > 0) add('started', <Moment ms={f.started_ms} nowMs={nowMs} />);
  if (!up && f.finished_ms > 0) add('ended', <Moment ms={f.finished_ms} nowMs={nowMs} />);
  if (f.removed_ms > 0) add('removed', <Moment ms={f.removed_ms} nowMs={nowMs} />);
  if (f.created_ms > 0) add('created', <Moment ms={f.created_ms} nowMs={nowMs} />);
  if (f.exit_code !== null && !up) add('exit', String(f.exit_code));
  add('restarts', String(f.restart_count));
  if (f.restart_policy) add('policy', f.restart_policy);
  add('oom', f.oom_killed || oomKills > 0 ? t('fact.oomYes', { count: Math.max(1, oomKills) }) : t('fact.oomNo'));
  add(
    'cpuLimit',
    (f.cpu_limit ?? 0) > 0 ? t('containers.coresShort', { cores: format(f.cpu_limit, 'cores') }) : t('fact.noLimit'),
  );
  add('memoryLimit', f.memory_limit > 0 ? bytes(f.memory_limit) : t('fact.noLimit'));
  add('pidsLimit', f.pids_limit > 0 ? String(f.pids_limit) : t('fact.noLimit'));
  if (f.health)
    add(
      'health',
      f.health === 'healthy' || f.health === 'unhealthy' || f.health === 'starting'
        ? t(`health.${f.health}`)
        : f.health,
    );
  if (f.error) add('error', f.error);
  if (f.compose_project) add('compose', [f.compose_project, f.compose_service].filter(Boolean).join(' / '));
  add('node', f.node);
  add('runtime', f.runtime);
  if (f.ports.length > 0) add('ports', f.ports.join(', '));
  if (f.addresses.length > 0) add('addresses', f.addresses.map(([n, a]) => (a ? `${n} ${a}` : n)).join(', '));
  if (f.mounts.length > 0) add('mounts', <span className="mono">{f.mounts.join('\n')}</span>);
  if (f.log_driver) add('logDriver', f.log_driver);
  return (
    <dl className={classes.list}>
      {rows.map(([k, v]) => (
        <div key={k} className={classes.item}>
          <dt>{k}</dt>
          <dd>{v}</dd>
        </div>
      ))}
    </dl>
  );
}
