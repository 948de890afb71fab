/** The charts of the node page: sections, queries, units. One entry a chart, all of one shape. */
import type { Unit } from '../../format/units';

export interface NodeQuery {
  /** PromQL; `$s` is the node's selector, `$w` the rate window. */
  expr: string;
  /** A word for the line, or the label whose value names each of many lines. */
  name: { word: string } | { label: string } | { labels: [string, string] };
  color?: number;
  /** Drawn downwards, as sent beside received. */
  limit?: boolean;
}

export interface NodePanel {
  id: string;
  unit: Unit;
  stacked?: boolean;
  atLeast?: number;
  wide?: boolean;
  queries: NodeQuery[];
}

export interface NodeSection {
  id: 'pressure' | 'cpu' | 'memory' | 'disk' | 'network' | 'system';
  panels: NodePanel[];
}

const rate = (metric: string, extra = '') => `rate(${metric}{$s${extra}}[$w])`;
const REAL_DEVICES = ',device!~"loop.*|ram.*|zram.*|fd.*|sr.*"';
const REAL_LINKS = ',device!~"lo|veth.*|br-.*"';

export const SECTIONS: NodeSection[] = [
  {
    id: 'pressure',
    panels: [
      {
        id: 'psiCpu',
        unit: 'ratio',
        atLeast: 0.05,
        queries: [{ expr: rate('node_pressure_cpu_waiting_seconds_total'), name: { word: 'waiting' }, color: 0 }],
      },
      {
        id: 'psiMemory',
        unit: 'ratio',
        atLeast: 0.05,
        queries: [
          { expr: rate('node_pressure_memory_waiting_seconds_total'), name: { word: 'waiting' }, color: 0 },
          { expr: rate('node_pressure_memory_stalled_seconds_total'), name: { word: 'stalled' }, color: 5 },
        ],
      },
      {
        id: 'psiIo',
        unit: 'ratio',
        atLeast: 0.05,
        queries: [
          { expr: rate('node_pressure_io_waiting_seconds_total'), name: { word: 'waiting' }, color: 0 },
          { expr: rate('node_pressure_io_stalled_seconds_total'), name: { word: 'stalled' }, color: 5 },
        ],
      },
    ],
  },
  {
    id: 'cpu',
    panels: [
      {
        id: 'cpuModes',
        unit: 'cores',
        stacked: true,
        queries: [
          { expr: 'sum by (mode) (rate(node_cpu_seconds_total{$s,mode!="idle"}[$w]))', name: { label: 'mode' } },
          {
            expr: 'count(count by (cpu) (node_cpu_seconds_total{$s,mode="idle"}))',
            name: { word: 'cores' },
            limit: true,
          },
        ],
      },
      {
        id: 'load',
        unit: 'none',
        atLeast: 1,
        queries: [
          { expr: 'node_load1{$s}', name: { word: 'load1' }, color: 0 },
          { expr: 'node_load5{$s}', name: { word: 'load5' }, color: 1 },
          { expr: 'node_load15{$s}', name: { word: 'load15' }, color: 3 },
          {
            expr: 'count(count by (cpu) (node_cpu_seconds_total{$s,mode="idle"}))',
            name: { word: 'cores' },
            limit: true,
          },
        ],
      },
      {
        id: 'perCpu',
        unit: 'ratio',
        atLeast: 1,
        queries: [
          { expr: '1 - sum by (cpu) (rate(node_cpu_seconds_total{$s,mode="idle"}[$w]))', name: { label: 'cpu' } },
        ],
      },
    ],
  },
  {
    id: 'memory',
    panels: [
      {
        id: 'memory',
        unit: 'bytes',
        stacked: true,
        queries: [
          {
            expr: 'node_memory_MemTotal_bytes{$s} - node_memory_MemFree_bytes{$s} - node_memory_Cached_bytes{$s} - node_memory_Buffers_bytes{$s} - node_memory_SReclaimable_bytes{$s}',
            name: { word: 'used' },
            color: 0,
          },
          {
            expr: 'node_memory_Cached_bytes{$s} + node_memory_SReclaimable_bytes{$s}',
            name: { word: 'cache' },
            color: 3,
          },
          { expr: 'node_memory_Buffers_bytes{$s}', name: { word: 'buffers' }, color: 2 },
          { expr: 'node_memory_MemFree_bytes{$s}', name: { word: 'free' }, color: 9 },
          { expr: 'node_memory_MemTotal_bytes{$s}', name: { word: 'total' }, limit: true },
        ],
      },
      {
        id: 'swap',
        unit: 'bytes',
        atLeast: 1024,
        queries: [
          {
            expr: 'node_memory_SwapTotal_bytes{$s} - node_memory_SwapFree_bytes{$s}',
            name: { word: 'used' },
            color: 0,
          },
          { expr: 'node_memory_SwapTotal_bytes{$s} > 0', name: { word: 'total' }, limit: true },
        ],
      },
      {
        id: 'paging',
        unit: 'perSecond',
        atLeast: 1,
        queries: [
          { expr: rate('node_vmstat_pgmajfault'), name: { word: 'majorFaults' }, color: 0 },
          { expr: rate('node_vmstat_pswpin'), name: { word: 'swapIn' }, color: 1 },
          { expr: rate('node_vmstat_pswpout'), name: { word: 'swapOut' }, color: 3 },
          { expr: rate('node_vmstat_oom_kill'), name: { word: 'oomKills' }, color: 5 },
        ],
      },
    ],
  },
  {
    id: 'disk',
    panels: [
      {
        id: 'diskRead',
        unit: 'bytesPerSecond',
        atLeast: 1024,
        queries: [{ expr: rate('node_disk_read_bytes_total', REAL_DEVICES), name: { label: 'device' } }],
      },
      {
        id: 'diskWrite',
        unit: 'bytesPerSecond',
        atLeast: 1024,
        queries: [{ expr: rate('node_disk_written_bytes_total', REAL_DEVICES), name: { label: 'device' } }],
      },
      {
        id: 'diskBusy',
        unit: 'ratio',
        atLeast: 0.05,
        queries: [{ expr: rate('node_disk_io_time_seconds_total', REAL_DEVICES), name: { label: 'device' } }],
      },
    ],
  },
  {
    id: 'network',
    panels: [
      {
        id: 'netReceive',
        unit: 'bytesPerSecond',
        atLeast: 1024,
        queries: [{ expr: rate('node_network_receive_bytes_total', REAL_LINKS), name: { label: 'device' } }],
      },
      {
        id: 'netTransmit',
        unit: 'bytesPerSecond',
        atLeast: 1024,
        queries: [{ expr: rate('node_network_transmit_bytes_total', REAL_LINKS), name: { label: 'device' } }],
      },
      {
        id: 'netTrouble',
        unit: 'perSecond',
        atLeast: 1,
        queries: [
          { expr: `sum(${rate('node_network_receive_errs_total')})`, name: { word: 'rxErrors' }, color: 0 },
          { expr: `sum(${rate('node_network_transmit_errs_total')})`, name: { word: 'txErrors' }, color: 1 },
          { expr: `sum(${rate('node_network_receive_drop_total')})`, name: { word: 'rxDrops' }, color: 3 },
          { expr: `sum(${rate('node_network_transmit_drop_total')})`, name: { word: 'txDrops' }, color: 4 },
          { expr: rate('node_netstat_Tcp_RetransSegs'), name: { word: 'retransmits' }, color: 5 },
        ],
      },
      {
        id: 'sockets',
        unit: 'count',
        atLeast: 4,
        queries: [
          { expr: 'node_sockstat_TCP_inuse{$s}', name: { word: 'tcpInUse' }, color: 0 },
          { expr: 'node_sockstat_TCP_tw{$s}', name: { word: 'tcpTimeWait' }, color: 3 },
          { expr: 'node_sockstat_UDP_inuse{$s}', name: { word: 'udpInUse' }, color: 1 },
          { expr: 'node_sockstat_sockets_used{$s}', name: { word: 'sockets' }, color: 4 },
        ],
      },
    ],
  },
  {
    id: 'system',
    panels: [
      {
        id: 'procs',
        unit: 'count',
        atLeast: 4,
        queries: [
          { expr: 'node_procs_running{$s}', name: { word: 'running' }, color: 0 },
          { expr: 'node_procs_blocked{$s}', name: { word: 'blocked' }, color: 5 },
        ],
      },
      {
        id: 'procStates',
        unit: 'count',
        queries: [{ expr: 'sum by (state) (node_processes_state{$s})', name: { label: 'state' } }],
      },
      {
        id: 'switches',
        unit: 'perSecond',
        queries: [
          { expr: rate('node_context_switches_total'), name: { word: 'contextSwitches' }, color: 0 },
          { expr: rate('node_intr_total'), name: { word: 'interrupts' }, color: 1 },
          { expr: rate('node_forks_total'), name: { word: 'forks' }, color: 3 },
        ],
      },
      {
        id: 'files',
        unit: 'count',
        queries: [
          { expr: 'node_filefd_allocated{$s}', name: { word: 'allocated' }, color: 0 },
          { expr: 'node_filefd_maximum{$s} < 1e12', name: { word: 'limit' }, limit: true },
        ],
      },
      {
        id: 'frequency',
        unit: 'hertz',
        queries: [{ expr: 'node_cpu_scaling_frequency_hertz{$s}', name: { label: 'cpu' } }],
      },
      {
        id: 'thermal',
        unit: 'celsius',
        queries: [{ expr: 'node_thermal_zone_temp{$s}', name: { labels: ['type', 'zone'] } }],
      },
    ],
  },
];

/** The query with the node's selector and the rate window in it. */
export function fill(expr: string, selector: string, window: string): string {
  return expr
    .replaceAll('{$s,', selector === '' ? '{' : `{${selector},`)
    .replaceAll('{$s}', selector === '' ? '' : `{${selector}}`)
    .replaceAll('$w', window);
}
