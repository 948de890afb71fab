import { Button, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { localTime, utcTime } from '../../format/time';
import { plusNs, selectorOf, type Entry } from './entries';
import classes from './LinePanel.module.css';
import { levelColor } from './levels';
import { readPage } from './paging';
import { preciseTime } from './time';
import { retry } from './useLogs';

/** Lines shown on either side. */
const LINES = 50;
/** How far from the line they are looked for. */
const REACH_NS = 24n * 3_600_000_000_000n;

/** What the same stream wrote before and after a line, without the filters of the query. */
export function Around({ entry, onText }: { entry: Entry; onText: (text: string) => void }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const selector = selectorOf(entry.stream);
  const { data, error } = useQuery({
    queryKey: ['log-around', selector, entry.id],
    queryFn: async ({ signal }) => {
      const { ns } = entry;
      const [before, after] = await Promise.all([
        readPage(selector, { start: plusNs(ns, -REACH_NS), end: ns }, 'newest', LINES, signal),
        // The line itself, and others of its time, are among these.
        readPage(selector, { start: ns, end: plusNs(ns, REACH_NS) }, 'oldest', LINES + 10, signal),
      ]);
      return around(entry, before.entries, after.entries);
    },
    staleTime: 30_000,
    retry,
  });
  const current = useRef<HTMLLIElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [line, frame] = [current.current, box.current];
    if (line && frame) frame.scrollTop = line.offsetTop - frame.offsetTop - frame.clientHeight / 2;
  }, [data]);
  if (error) return <p role="alert">{error.message || t('error.unreachable')}</p>;
  if (!data) return <div className={classes.around} aria-busy="true" />;
  return (
    <>
      <div ref={box} className={classes.around} tabIndex={0} aria-label={t('logs.panel.context')} role="region">
        {data.before === 0 && <p className={classes.edge}>{t('logs.panel.before')}</p>}
        <ol>
          {data.lines.map((e) => {
            const here = e.id === entry.id;
            return (
              <li
                key={e.id}
                ref={here ? current : undefined}
                aria-current={here}
                style={{ borderLeftColor: levelColor(e.level, scheme) }}
              >
                <time title={`${localTime(e.ms)} · ${utcTime(e.ms)}`}>{preciseTime(e.ms, false)}</time>
                <span>{e.line}</span>
              </li>
            );
          })}
        </ol>
        {data.after === 0 && <p className={classes.edge}>{t('logs.panel.after')}</p>}
      </div>
      <Button size="compact-xs" variant="default" mt={8} onClick={() => onText(selector)} title={selector}>
        {t('logs.panel.showInContext')}
      </Button>
    </>
  );
}

/** The lines in the order of time, the line itself among them, at most `LINES` on either side. */
export function around(entry: Entry, before: readonly Entry[], after: readonly Entry[]) {
  const rest = after.some((e) => e.id === entry.id) ? after : [entry, ...after];
  const at = rest.findIndex((e) => e.id === entry.id);
  const lines = [...[...before].reverse(), ...rest.slice(0, at + 1 + LINES)];
  return { lines, before: before.length + at, after: rest.length - at - 1 };
}
