import { SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { series } from '../../api/loki';
import { oneOf } from '../../app/search';
import { useUrlState } from '../../app/useUrlState';
import { LogGaps } from './LogGaps';
import { LogPanel } from './LogPanel';
import classes from './LogPanel.module.css';

// The editor comes with it: only who has stored lines loads it.
const LogView = lazy(() => import('../logs/LogView').then((m) => ({ default: m.LogView })));

interface Props {
  id: string;
  running: boolean;
  removed: boolean;
}

const DAY_MS = 86_400_000;
/** How far back is looked for stored lines. */
const BACK_MS = 30 * DAY_MS;
const VIEWS = ['history', 'live'] as const;

/** The streams of one container. */
export function containerStreams(id: string): string {
  return `{container_id=${JSON.stringify(id)}}`;
}

/** Whether anything of the container's log is stored; a server without logs stores nothing. */
function useStored(id: string) {
  return useQuery({
    queryKey: ['log-stored', id],
    queryFn: async ({ signal }) => {
      const now = Date.now();
      return (await series(containerStreams(id), { start: now - BACK_MS, end: now + DAY_MS }, signal)).length > 0;
    },
    // The first lines of a new container may still be on their way.
    refetchInterval: (q) => (q.state.data === true ? false : 5000),
    retry: false,
  });
}

/** A container's log: searchable history where it is stored, also after the container is gone; live from the runtime. */
export function ContainerLog({ id, running, removed }: Props) {
  const { t } = useTranslation();
  const [search, patch] = useUrlState();
  const stored = useStored(id);
  if (stored.isLoading) return <Skeleton height={320} mt={8} animate={false} />;
  if (stored.data !== true)
    return (
      <>
        <section className={`panel ${classes.box}`} aria-label={t('logs.container.title')} role="note">
          <strong>{t('logs.container.off')}</strong>{' '}
          <span className="muted">{t(removed ? 'logs.container.whyRemoved' : 'logs.container.why')}</span>
        </section>
        {!removed && <LogPanel id={id} running={running} />}
      </>
    );
  const view = removed ? 'history' : oneOf(search.log, VIEWS);
  return (
    <section className={classes.stored} aria-label={t('logs.container.title')}>
      <header className={classes.head}>
        <h3 className={classes.title}>{t('logs.container.title')}</h3>
        {!removed && (
          <SegmentedControl
            size="xs"
            aria-label={t('logs.container.view')}
            value={view}
            onChange={(v) => patch({ log: v === 'history' ? undefined : v }, { push: true })}
            data={VIEWS.map((v) => ({ value: v, label: t(`logs.container.${v}`) }))}
          />
        )}
        <Link
          to="/logs"
          search={{ q: containerStreams(id), from: search.from, to: search.to }}
          className={classes.note}
        >
          {t('logs.container.openPage')}
        </Link>
      </header>
      <LogGaps streams={containerStreams(id)} backMs={BACK_MS} />
      {view === 'live' ? (
        <LogPanel id={id} running={running} />
      ) : (
        <Suspense fallback={<Skeleton height={480} animate={false} />}>
          <LogView base={containerStreams(id)} height="480px" />
        </Suspense>
      )}
    </section>
  );
}
