import { useTranslation } from 'react-i18next';
import type { ContainerRow } from '../../api/types';
import { bytes, format, percent } from '../../format/units';
import { worst } from '../../verdict/severity';
import { Fires } from '../../widgets/Fires';
import { StateMark } from '../../widgets/StateMark';
import classes from './HeatMap.module.css';
import { isUp, memoryShare, type Item } from './rows';

interface Props {
  items: readonly Item[];
  rows: ReadonlyMap<string, ContainerRow>;
  selected: string | null;
  /** All memory of the node: what a container without a limit is held against. */
  onSelect: (id: string) => void;
}

/** Every container as a tile, filled by its share of its memory limit; those without one stay empty. */
export function HeatMap({ items, rows, selected, onSelect }: Props) {
  const { t } = useTranslation();
  const groups: { name: string; ids: string[] }[] = [];
  for (const item of items) {
    if (item.kind === 'group') groups.push({ name: item.group.key || t('containers.ungrouped'), ids: [] });
    else if (item.kind === 'gone') groups.push({ name: t('containers.gone', { count: item.count }), ids: [] });
    else {
      if (groups.length === 0) groups.push({ name: '', ids: [] });
      groups.at(-1)?.ids.push(item.id);
    }
  }
  return (
    <div className={`panel ${classes.map}`}>
      {groups.map((g) => (
        <section key={g.name} aria-label={g.name || t('nav.containers')}>
          {g.name && <h2 className={classes.title}>{g.name}</h2>}
          <div className={classes.tiles}>
            {g.ids.map((id) => {
              const row = rows.get(id);
              return row ? <Tile key={id} row={row} selected={id === selected} onSelect={onSelect} /> : null;
            })}
          </div>
        </section>
      ))}
    </div>
  );
}

function Tile({ row, selected, onSelect }: { row: ContainerRow; selected: boolean; onSelect: (id: string) => void }) {
  const share = memoryShare(row);
  const severity = worst(row.verdicts);
  const up = isUp(row);
  const memory = share === null ? bytes(row.live?.working_set ?? 0) : percent(share);
  return (
    <button
      type="button"
      className={up ? classes.tile : `${classes.tile} ${classes.ended}`}
      aria-pressed={selected}
      title={row.facts.name}
      onClick={() => onSelect(row.facts.id)}
    >
      <span
        className={(share ?? 0) >= 0.85 ? `${classes.level} ${classes.hot}` : classes.level}
        style={{ transform: `scaleX(${Math.min(1, share ?? 0)})` }}
      />
      <span className={classes.text}>
        <StateMark facts={row.facts} />
        <span className="cut">{row.facts.name}</span>
      </span>
      <span className={`${classes.text} muted`}>
        {up && `${format(row.live?.cpu, 'cores')} · ${memory}`}
        {severity !== 'ok' && <Fires severity={severity} />}
      </span>
    </button>
  );
}
