import { CloseButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { ContainerRow } from '../../api/types';
import { bytes, format } from '../../format/units';
import { VerdictList } from '../../verdict/VerdictList';
import { Sparkline } from '../../widgets/Sparkline';
import { StateMark } from '../../widgets/StateMark';
import { FactList } from '../container/FactList';
import classes from './SidePanel.module.css';
import { isUp } from './rows';

interface Props {
  row: ContainerRow;
  nowMs: number;
  onClose: () => void;
}

/** A container at a glance, beside the list. */
export function SidePanel({ row, nowMs, onClose }: Props) {
  const { t } = useTranslation();
  const { facts, live } = row;
  return (
    <aside className={`panel ${classes.side}`} aria-label={facts.name}>
      <header className={classes.head}>
        <StateMark facts={facts} />
        <h2 className={`${classes.title} cut`}>{facts.name}</h2>
        <CloseButton size="sm" onClick={onClose} aria-label={t('action.close')} />
      </header>
      <Link to="/containers/$id" params={{ id: facts.id }} className={classes.open}>
        {t('containers.openPage')}
      </Link>
      <VerdictList verdicts={row.verdicts} nowMs={nowMs} up={isUp(row)} />
      {isUp(row) && (
        <dl className={classes.live}>
          <div>
            <dt>{t('metric.cpu')}</dt>
            <dd>{t('containers.coresShort', { cores: format(live?.cpu, 'cores') })}</dd>
            <Sparkline values={row.cpu_spark} width={132} height={34} top={facts.cpu_limit ?? 0} />
          </div>
          <div>
            <dt>{t('metric.workingSet')}</dt>
            <dd>
              {format(live?.working_set, 'bytes')}
              {facts.memory_limit > 0 && <span className="muted"> / {bytes(facts.memory_limit)}</span>}
            </dd>
            <Sparkline values={row.memory_spark} width={132} height={34} top={facts.memory_limit} />
          </div>
          <div>
            <dt>{t('metric.network')}</dt>
            <dd>
              ↓ {format(live?.rx, 'bytesPerSecond')} <br />↑ {format(live?.tx, 'bytesPerSecond')}
            </dd>
          </div>
          <div>
            <dt>{t('metric.disk')}</dt>
            <dd>
              {t('metric.readShort')} {format(live?.read, 'bytesPerSecond')} <br />
              {t('metric.writeShort')} {format(live?.write, 'bytesPerSecond')}
            </dd>
          </div>
        </dl>
      )}
      <FactList facts={facts} oomKills={row.oom_kills} nowMs={nowMs} />
    </aside>
  );
}
