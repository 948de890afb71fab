import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { ContainerRow } from '../../api/types';
import { ago, duration, localTime, utcTime } from '../../format/time';
import { bytes, format, percent, UNKNOWN } from '../../format/units';
import { verdictText } from '../../verdict/words';
import { worst } from '../../verdict/severity';
import { Bar } from '../../widgets/Bar';
import { Fires } from '../../widgets/Fires';
import { Sparkline } from '../../widgets/Sparkline';
import { StateMark } from '../../widgets/StateMark';
import classes from './Row.module.css';
import { cpuShare, disk, isUp, memoryShare, network } from './rows';

interface Props {
  row: ContainerRow;
  top: number;
  index: number;
  selected: boolean;
  nowMs: number;
  narrow: boolean;
  onSelect: (id: string) => void;
}

function Rate({ value, className = '' }: { value: number | null; className?: string }) {
  const quiet = value === null || value < 1;
  return (
    <span role="cell" className={`num ${className} ${quiet ? classes.zero : ''}`}>
      {format(value, 'bytesPerSecond')}
    </span>
  );
}

/** One container. Its numbers move each second; nothing else does. */
export const Row = memo(function Row({ row, top, index, selected, nowMs, narrow, onSelect }: Props) {
  const { t, i18n } = useTranslation();
  const { facts, live } = row;
  const up = isUp(row);
  const severity = worst(row.verdicts);
  const verdicts = row.verdicts.map((v) => verdictText(v, t, i18n.language, nowMs)).join('\n');
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={`${classes.grid} ${classes.row} ${up ? '' : classes.ended}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onSelect(facts.id)}
    >
      <span role="cell">
        <StateMark facts={facts} />
      </span>
      <span role="cell" className={classes.name}>
        <Link
          to="/containers/$id"
          params={{ id: facts.id }}
          className={`${classes.link} cut`}
          title={facts.name}
          onClick={(e) => e.stopPropagation()}
          tabIndex={-1}
        >
          {facts.name}
        </Link>
      </span>
      <span role="cell" className={`${classes.wide} ${classes.mid} muted cut`} title={facts.image}>
        {facts.image}
      </span>
      <Age row={row} nowMs={nowMs} language={i18n.language} narrow={narrow} />
      <span role="cell" className={`${classes.wide} ${classes.mid}`}>
        {up && <Sparkline values={row.cpu_spark} top={(facts.cpu_limit ?? 0) > 0 ? (facts.cpu_limit ?? 0) : 0.05} />}
      </span>
      <span role="cell" className={classes.cpu}>
        {up && <CpuBar row={row} />}
      </span>
      <span role="cell" className={classes.mem}>
        {up && <MemoryBar row={row} />}
      </span>
      <span role="cell" className={`num ${classes.mid} ${(live?.throttled ?? 0) >= 0.05 ? classes.hot : classes.zero}`}>
        {up ? format(live?.throttled, 'ratio') : ''}
      </span>
      <Rate value={up ? network(row) : null} className={classes.mid} />
      <Rate value={up ? disk(row) : null} className={classes.mid} />
      <span role="cell" className={`num ${classes.mid} ${facts.restart_count > 0 ? '' : classes.zero}`}>
        {facts.restart_count}
      </span>
      <span role="cell" className={classes.fires} title={verdicts || t('severity.ok')}>
        {(up || row.verdicts.length > 0) && <Fires severity={severity} />}
      </span>
    </div>
  );
});

interface AgeProps {
  row: ContainerRow;
  nowMs: number;
  language: string;
  narrow: boolean;
}

function Age({ row, nowMs, language, narrow }: AgeProps) {
  const { t } = useTranslation();
  const f = row.facts;
  const up = isUp(row);
  const at = up ? f.started_ms : f.removed_ms || f.finished_ms || f.created_ms;
  const text = at === 0 ? '' : up ? duration(nowMs - at, language) : ago(at, nowMs, language);
  const state = !up && f.exit_code !== null ? t('containers.exit', { code: f.exit_code }) : '';
  return (
    <span
      role="cell"
      className={`${classes.mid} ${classes.age} num cut`}
      title={at === 0 ? '' : `${state} ${localTime(at)} · ${utcTime(at)}`}
    >
      {narrow && state ? `${state} · ${text}` : text}
    </span>
  );
}

function CpuBar({ row }: { row: ContainerRow }) {
  const { t } = useTranslation();
  const share = cpuShare(row);
  const used = row.live?.cpu;
  const cores = format(used, 'cores');
  const limit = row.facts.cpu_limit ?? 0;
  const title =
    share === null
      ? t('containers.cpuNoLimit', { cores })
      : t('containers.cpuOf', { cores, limit: format(limit, 'cores') });
  return (
    <Bar
      share={share}
      text={
        used === null || used === undefined
          ? UNKNOWN
          : share === null
            ? t('containers.coresShort', { cores })
            : percent(share)
      }
      none={t('fact.noLimit')}
      title={title}
      hotAt={0.95}
    />
  );
}

function MemoryBar({ row }: { row: ContainerRow }) {
  const { t } = useTranslation();
  const share = memoryShare(row);
  const used = format(row.live?.working_set, 'bytes');
  const title =
    share === null
      ? t('containers.memNoLimit', { used })
      : t('containers.memOf', { used, limit: bytes(row.facts.memory_limit) });
  return (
    <Bar
      share={share}
      text={share === null ? used : `${used} · ${percent(share)}`}
      title={title}
      none={t('fact.noLimit')}
      textWidth={112}
    />
  );
}
