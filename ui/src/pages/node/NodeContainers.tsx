import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useLive } from '../../api/hooks';
import type { ContainerRow, Node } from '../../api/types';
import { format, percent } from '../../format/units';
import { worst } from '../../verdict/severity';
import { Bar } from '../../widgets/Bar';
import { Fires } from '../../widgets/Fires';
import { StateMark } from '../../widgets/StateMark';
import { isUp } from '../containers/rows';
import classes from './NodeContainers.module.css';

const SHOWN = 10;

/** The containers of a node by their larger share of it, largest first. */
export function byShare(rows: Iterable<ContainerRow>, node: Pick<Node, 'name' | 'cpus' | 'memory_bytes'>) {
  return [...rows]
    .filter((r) => isUp(r) && r.facts.node === node.name)
    .map((row) => ({
      row,
      cpu: node.cpus > 0 ? (row.live?.cpu ?? 0) / node.cpus : 0,
      memory: node.memory_bytes > 0 ? (row.live?.working_set ?? 0) / node.memory_bytes : 0,
    }))
    .sort((a, b) => Math.max(b.cpu, b.memory) - Math.max(a.cpu, a.memory));
}

export function NodeContainers({ node }: { node: Node }) {
  const { t } = useTranslation();
  const { rows } = useLive();
  const list = byShare(rows.values(), node);
  if (list.length === 0) return null;
  return (
    <div className={`panel ${classes.box}`}>
      <h3 className={classes.title}>
        {t('node.containers', { count: list.length })}
        {list.length > SHOWN && (
          <Link to="/" className={classes.all}>
            {t('node.allContainers')}
          </Link>
        )}
      </h3>
      <ul className={classes.list}>
        {list.slice(0, SHOWN).map(({ row, cpu, memory }) => (
          <li key={row.facts.id} className={classes.item}>
            <StateMark facts={row.facts} />
            <Link to="/containers/$id" params={{ id: row.facts.id }} className={`${classes.name} cut`}>
              {row.facts.name}
            </Link>
            <Bar
              share={cpu}
              text={t('node.cpuShare', { share: percent(cpu) })}
              textWidth={84}
              title={t('containers.coresShort', { cores: format(row.live?.cpu, 'cores') })}
            />
            <Bar
              share={memory}
              text={t('node.memoryShare', { share: percent(memory) })}
              textWidth={104}
              title={format(row.live?.working_set, 'bytes')}
            />
            <span className={classes.fires}>{row.verdicts.length > 0 && <Fires severity={worst(row.verdicts)} />}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
