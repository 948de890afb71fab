import { useTranslation } from 'react-i18next';
import { bytes, format } from '../../format/units';
import { Fires } from '../../widgets/Fires';
import classes from './Row.module.css';
import type { Item } from './rows';

function Chevron({ open }: { open: boolean }) {
  return (
    <svg className={classes.chevron} width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <path
        d={open ? 'M1.5 3.5 5 7l3.5-3.5' : 'M3.5 1.5 7 5 3.5 8.5'}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
      />
    </svg>
  );
}

type GroupItem = Extract<Item, { kind: 'group' }>;

export function GroupLine({ item, top, onToggle }: { item: GroupItem; top: number; onToggle: () => void }) {
  const { t } = useTranslation();
  const { group } = item;
  return (
    <button
      type="button"
      className={classes.group}
      style={{ transform: `translateY(${top}px)` }}
      aria-expanded={item.open}
      onClick={onToggle}
    >
      <Chevron open={item.open} />
      <span className={`${classes.groupName} cut`}>{group.key || t('containers.ungrouped')}</span>
      <span className="muted cut">
        {t('containers.groupSum', {
          running: group.running,
          count: group.ids.length,
          cpu: format(group.cpu, 'cores'),
          memory: bytes(group.memory),
        })}
      </span>
      {group.severity !== 'ok' && (
        <span style={{ marginLeft: 'auto' }}>
          <Fires severity={group.severity} />
        </span>
      )}
    </button>
  );
}

type GoneItem = Extract<Item, { kind: 'gone' }>;

export function GoneLine({ item, top, onToggle }: { item: GoneItem; top: number; onToggle: () => void }) {
  const { t } = useTranslation();
  return (
    <button
      type="button"
      className={classes.group}
      style={{ transform: `translateY(${top}px)` }}
      aria-expanded={item.open}
      onClick={onToggle}
    >
      <Chevron open={item.open} />
      <span className="muted">{t('containers.gone', { count: item.count })}</span>
    </button>
  );
}
