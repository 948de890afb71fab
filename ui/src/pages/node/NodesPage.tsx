import { Link, Navigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useInstant, useNodes } from '../../api/hooks';
import { parseValue } from '../../api/prometheus';
import { useTitle } from '../../app/useTitle';
import { duration } from '../../format/time';
import { bytes, percent } from '../../format/units';
import { Bar } from '../../widgets/Bar';
import classes from './NodesPage.module.css';

function byInstance(items: ReturnType<typeof useInstant>['data'], name: string): number | null {
  const found = items?.find((i) => i.metric.instance === name) ?? (items?.length === 1 ? items[0] : undefined);
  return found?.value ? parseValue(found.value[1]) : null;
}

/** The nodes that are watched; a single one opens by itself. */
export function NodesPage() {
  const { t, i18n } = useTranslation();
  useTitle(t('nav.nodes'));
  const nodes = useNodes();
  const cpu = useInstant(
    '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
    5000,
    (nodes.data?.length ?? 0) > 1,
  );
  const memory = useInstant(
    '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
    5000,
    (nodes.data?.length ?? 0) > 1,
  );
  const only = nodes.data?.length === 1 ? nodes.data[0] : undefined;
  if (only)
    return (
      <Navigate
        to="/nodes/$name"
        params={{ name: only.name }}
        search={(s: Record<string, string | undefined>) => s}
        replace
      />
    );
  if (nodes.error) return <div role="alert">{nodes.error.message || t('error.unreachable')}</div>;
  if (nodes.data?.length === 0)
    return (
      <div className="panel" style={{ padding: 24 }}>
        {t('node.none')}
      </div>
    );
  return (
    <div className="panel">
      <table className={classes.table}>
        <thead>
          <tr>
            <th>{t('node.name')}</th>
            <th>{t('node.cpu')}</th>
            <th>{t('node.memory')}</th>
            <th>{t('node.os')}</th>
            <th>{t('node.kernel')}</th>
            <th>{t('node.uptime')}</th>
          </tr>
        </thead>
        <tbody>
          {(nodes.data ?? []).map((n) => {
            const c = byInstance(cpu.data, n.name);
            const m = byInstance(memory.data, n.name);
            return (
              <tr key={n.name}>
                <td>
                  <Link to="/nodes/$name" params={{ name: n.name }}>
                    {n.name}
                  </Link>
                </td>
                <td>
                  <Bar share={c} text={c === null ? '–' : percent(c)} title={t('node.cpus', { count: n.cpus })} />
                </td>
                <td>
                  <Bar share={m} text={m === null ? '–' : percent(m)} title={bytes(n.memory_bytes)} />
                </td>
                <td>{n.os}</td>
                <td>{n.kernel}</td>
                <td>{n.boot_ms > 0 ? duration(Date.now() - n.boot_ms, i18n.language) : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
