import { Button } from '@mantine/core';
import { useEffect, useMemo, useRef } from 'react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useContainerEvents } from '../../api/hooks';
import type { ContainerRow } from '../../api/types';
import { useUrlState } from '../../app/useUrlState';
import { useRange } from '../../time/useRange';
import { VerdictList } from '../../verdict/VerdictList';
import { StateMark } from '../../widgets/StateMark';
import { Charts } from './Charts';
import { ContainerLog } from './ContainerLog';
import classes from './ContainerView.module.css';
import { EventList } from './EventList';
import { Ending } from './Ending';
import { FactList } from './FactList';
import { marksOf } from './marks';
import { Previous } from './Previous';
import { isUpState, lifeOf } from './state';
import { useExport } from './useExport';
import { useRing } from './useRing';

export function ContainerView({ row, nowMs }: { row: ContainerRow; nowMs: number }) {
  const { t } = useTranslation();
  const { facts } = row;
  const range = useRange();
  const [search, patch] = useUrlState();
  const up = isUpState(facts.state);
  const ring = useRing(facts.id);
  const events = useContainerEvents(facts.id, range);
  const marks = useMemo(() => marksOf(events.data ?? [], t), [events.data, t]);
  const exporter = useExport(row, ring, events.data ?? []);

  // A container that has ended opens on its life; one that ends while somebody watches stays where it is.
  const ended = up ? 0 : facts.finished_ms || facts.removed_ms;
  const opened = useRef(false);
  const bare = search.from === undefined && search.to === undefined;
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    if (bare && ended > 0) patch(lifeOf(facts.started_ms, ended));
  }, [bare, ended, facts.started_ms, patch]);

  return (
    <>
      <header className={`panel ${classes.head}`}>
        <div className={classes.titleLine}>
          <Link to="/" className={classes.up}>
            {t('nav.containers')}
          </Link>
          <span className="muted" aria-hidden="true">
            /
          </span>
          <h1 className={classes.title}>{facts.name}</h1>
          <StateMark facts={facts} word />
          <Button size="compact-sm" variant="default" ml="auto" onClick={exporter.save} loading={exporter.busy}>
            {t('container.export')}
          </Button>
        </div>
        <VerdictList verdicts={row.verdicts} nowMs={nowMs} up={up} />
        <FactList facts={facts} oomKills={row.oom_kills} nowMs={nowMs} />
      </header>
      {ended > 0 && <Ending row={row} />}
      <Previous facts={facts} />
      <div className={classes.charts}>
        <Charts row={row} ring={ring} range={range} marks={marks} />
        <div className={classes.events}>
          <EventList events={events.data} />
        </div>
      </div>
      <ContainerLog id={facts.id} running={up} removed={facts.removed_ms > 0} />
    </>
  );
}
