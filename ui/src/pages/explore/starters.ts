import { useTranslation } from 'react-i18next';

const STARTERS = [
  ['cpu', 'topk(10, sum by (name) (rate(container_cpu_usage_seconds_total{name!=""}[1m])))'],
  ['memory', 'topk(10, max by (name) (container_memory_working_set_bytes{name!=""}))'],
  [
    'throttled',
    'sum by (name) (rate(container_cpu_cfs_throttled_periods_total[1m])) / sum by (name) (rate(container_cpu_cfs_periods_total[1m])) > 0',
  ],
  ['network', 'sum by (name) (rate(container_network_receive_bytes_total{name!=""}[1m]))'],
  ['nodeCpu', 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))'],
  ['pressure', 'rate(node_pressure_memory_waiting_seconds_total[1m])'],
  ['up', 'up'],
] as const;

/** Questions to begin with. */
export function useStarters(): { title: string; query: string }[] {
  const { t } = useTranslation();
  return STARTERS.map(([key, query]) => ({ title: t(`explore.starter.${key}`), query }));
}
