/** The PromQL behind the charts of a container page. Ids are unique, so they alone select the container. */
import type { ContainerFacts } from '../../api/types';
import { escapeRegex, quote } from '../../chart/series';
import { rateWindow } from '../../time/range';

export type ChartId = 'cpu' | 'memory' | 'network' | 'io' | 'pids' | 'pressure' | 'throttled';

/** The label matcher of one container: its id is part of the cgroup path in `id`. */
export function selector(facts: Pick<ContainerFacts, 'id' | 'runtime'>): string {
  return facts.runtime === 'cgroup' ? `id=${quote(facts.id)}` : `id=~${quote(`.*${escapeRegex(facts.id)}.*`)}`;
}

export function queriesOf(chart: ChartId, sel: string, step: number, intervalMs: number): string[] {
  const w = rateWindow(step, intervalMs);
  const rate = (metric: string, extra = '') => `rate(${metric}{${sel}${extra}}[${w}])`;
  switch (chart) {
    case 'cpu':
      return [
        `sum(${rate('container_cpu_usage_seconds_total')})`,
        `sum(${rate('container_cpu_user_seconds_total')})`,
        `sum(${rate('container_cpu_system_seconds_total')})`,
        `max(container_spec_cpu_quota{${sel}} / container_spec_cpu_period{${sel}})`,
      ];
    case 'throttled':
      return [
        `sum(${rate('container_cpu_cfs_throttled_periods_total')}) / sum(${rate('container_cpu_cfs_periods_total')})`,
      ];
    case 'memory':
      return [
        `max(container_memory_working_set_bytes{${sel}})`,
        `max(container_memory_rss{${sel}})`,
        `max(container_memory_cache{${sel}})`,
        `max(container_memory_usage_bytes{${sel}})`,
        `max(container_spec_memory_limit_bytes{${sel}} > 0)`,
      ];
    case 'network':
      return [
        `sum(${rate('container_network_receive_bytes_total')})`,
        `sum(${rate('container_network_transmit_bytes_total')})`,
      ];
    case 'io':
      return [`sum(${rate('container_fs_reads_bytes_total')})`, `sum(${rate('container_fs_writes_bytes_total')})`];
    case 'pids':
      return [`max(container_threads{${sel}})`, `max(container_processes{${sel}})`];
    case 'pressure':
      return [
        `sum(${rate('container_pressure_cpu_waiting_seconds_total')})`,
        `sum(${rate('container_pressure_memory_waiting_seconds_total')})`,
        `sum(${rate('container_pressure_io_waiting_seconds_total')})`,
      ];
  }
}
