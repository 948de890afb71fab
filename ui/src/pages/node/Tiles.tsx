import { useTranslation } from 'react-i18next';
import { useInstant } from '../../api/hooks';
import { parseValue } from '../../api/prometheus';
import type { Node } from '../../api/types';
import { bytes, format, percent, UNKNOWN } from '../../format/units';
import { fill } from './panels';
import classes from './Tiles.module.css';

const ASKS = {
  psiCpu: 'rate(node_pressure_cpu_waiting_seconds_total{$s}[1m])',
  psiMemory: 'rate(node_pressure_memory_waiting_seconds_total{$s}[1m])',
  psiIo: 'rate(node_pressure_io_waiting_seconds_total{$s}[1m])',
  cpu: '1 - avg(rate(node_cpu_seconds_total{$s,mode="idle"}[1m]))',
  memory: '1 - node_memory_MemAvailable_bytes{$s} / node_memory_MemTotal_bytes{$s}',
  load: 'node_load1{$s}',
  // As df counts: what is used of what a user may use.
  root: 'max(1 - node_filesystem_avail_bytes{$s,mountpoint="/"} / (node_filesystem_size_bytes{$s,mountpoint="/"} - node_filesystem_free_bytes{$s,mountpoint="/"} + node_filesystem_avail_bytes{$s,mountpoint="/"}))',
} as const;
type Ask = keyof typeof ASKS;
/** From where on a number burns. */
const HOT: Record<Ask, number> = {
  psiCpu: 0.2,
  psiMemory: 0.1,
  psiIo: 0.2,
  cpu: 0.9,
  memory: 0.9,
  load: Infinity,
  root: 0.9,
};

/** The node in seven numbers, pressure first. */
export function Tiles({ selector, node }: { selector: string; node: Node }) {
  return (
    <div className={classes.row}>
      {(Object.keys(ASKS) as Ask[]).map((k) => (
        <Tile key={k} ask={k} selector={selector} node={node} />
      ))}
    </div>
  );
}

function Tile({ ask, selector, node }: { ask: Ask; selector: string; node: Node }) {
  const { t } = useTranslation();
  const query = fill(ASKS[ask], selector, '1m');
  const { data } = useInstant(query);
  const sample = data?.[0]?.value;
  const v = sample ? parseValue(sample[1]) : null;
  const hot = v !== null && v >= HOT[ask];
  const text = v === null || Number.isNaN(v) ? UNKNOWN : ask === 'load' ? format(v, 'none') : percent(v);
  const note =
    ask === 'load'
      ? t('node.cpus', { count: node.cpus })
      : ask === 'memory'
        ? t('node.ofBytes', { total: bytes(node.memory_bytes) })
        : ask.startsWith('psi')
          ? t('node.tile.waiting')
          : ask === 'cpu'
            ? t('node.cpus', { count: node.cpus })
            : '/';
  return (
    <div className={`panel ${classes.tile}`} title={query}>
      <div className={classes.name}>{t(`node.tile.${ask}`)}</div>
      <div className={hot ? `${classes.value} ${classes.hot}` : classes.value}>{text}</div>
      <div className={classes.note}>{note}</div>
    </div>
  );
}
