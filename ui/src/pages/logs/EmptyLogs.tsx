import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { labels, labelValues, queryLines, nanos } from '../../api/loki';
import { ago, localTime, span as spanText, utcTime } from '../../format/time';
import type { PageRange } from '../../time/useRange';
import { isMetric } from './ask';
import { msOf } from './entries';
import classes from './Logs.module.css';
import { retry } from './useLogs';

export type Reason =
  | { why: 'nothingStored' }
  | { why: 'noStream'; selector: string; name: string | null; values: string[] }
  | { why: 'lastSeen'; ms: number }
  | { why: 'filtered'; selector: string }
  | { why: 'inRange' };

/** The selector of a LogQL query, quotes and all. */
export function selectorIn(logql: string): string | null {
  const from = logql.indexOf('{');
  if (from < 0) return null;
  let string = '';
  for (let i = from; i < logql.length; i += 1) {
    const c = logql[i] ?? '';
    if (string !== '') {
      if (c === '\\' && string === '"') i += 1;
      else if (c === string) string = '';
    } else if (c === '"' || c === '`') string = c;
    else if (c === '}') return logql.slice(from, i + 1);
  }
  return null;
}

const DAY_MS = 86_400_000;
/** How far back is looked for the last line. */
const BACK_MS = 15 * DAY_MS;

/** Asks, from the widest question to the narrowest, where the lines end. */
async function reasonOf(logql: string, range: PageRange, signal: AbortSignal): Promise<Reason> {
  const now = range.now();
  const wide = { start: Math.min(now.start, now.end - BACK_MS), end: Math.max(now.end, Date.now()) };
  if ((await labels(wide, signal)).length === 0) return { why: 'nothingStored' };
  const selector = selectorIn(logql);
  if (selector === null) return { why: 'inRange' };
  const newest = async (query: string, span: { start: number; end: number }) => {
    const asked = { query, start: nanos(span.start), end: nanos(span.end), limit: 1, direction: 'backward' as const };
    return (await queryLines(asked, signal))[0]?.values[0]?.[0];
  };
  if ((await newest(selector, wide)) === undefined) {
    const [, name] = /(\w+)\s*=~?\s*"/.exec(selector) ?? [];
    const values = name ? await labelValues(name, wide, undefined, signal).catch(() => []) : [];
    return { why: 'noStream', selector, name: name ?? null, values: values.slice(0, 6) };
  }
  const inRange = await newest(selector, now);
  if (!isMetric(logql) && (inRange === undefined || logql.trim() !== selector)) {
    const last = await newest(logql, wide);
    if (last !== undefined) return { why: 'lastSeen', ms: msOf(last) };
  }
  return inRange === undefined ? { why: 'inRange' } : { why: 'filtered', selector };
}

interface Props {
  logql: string;
  range: PageRange;
  onText: (text: string) => void;
  /** Say nothing where there are lines: something else is what is missing. */
  quietWhereFull?: boolean;
}

/** Why there are no lines, and the one click that helps. */
export function EmptyLogs({ logql, range, onText, quietWhereFull = false }: Props) {
  const { t, i18n } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ['log-why', logql, range.text.from, range.text.to],
    queryFn: ({ signal }) => reasonOf(logql, range, signal),
    refetchInterval: range.live ? 15_000 : false,
    retry,
  });
  if (error) return <span>{error.message || t('error.unreachable')}</span>;
  if (!data) return <span>{t('logs.empty.looking')}</span>;
  if (quietWhereFull && data.why === 'filtered') return null;
  switch (data.why) {
    case 'nothingStored':
      return <span className={classes.reason}>{t('logs.empty.nothingStored')}</span>;
    case 'noStream':
      return (
        <>
          <span>{t('logs.empty.noStream', { selector: data.selector })}</span>
          {data.name !== null && data.values.length > 0 && (
            <span>
              {t('logs.empty.nearest')}{' '}
              {data.values.map((v) => (
                <Button
                  key={v}
                  size="compact-xs"
                  variant="default"
                  mr={4}
                  onClick={() => onText(`{${data.name ?? ''}=${JSON.stringify(v)}}`)}
                >
                  {v}
                </Button>
              ))}
            </span>
          )}
        </>
      );
    case 'lastSeen':
      return (
        <>
          <span title={utcTime(data.ms)}>
            {t('logs.empty.lastSeen', { time: localTime(data.ms), ago: ago(data.ms, Date.now(), i18n.language) })}
          </span>
          <Button size="compact-sm" variant="default" onClick={() => range.zoom(data.ms - 900_000, data.ms + 300_000)}>
            {t('logs.empty.goThere')}
          </Button>
        </>
      );
    case 'filtered':
      return (
        <>
          <span>{t('logs.empty.filtered')}</span>
          <Button size="compact-sm" variant="default" onClick={() => onText(data.selector)}>
            {t('logs.empty.dropFilters')}
          </Button>
        </>
      );
    case 'inRange':
      return (
        <>
          <span>{t('logs.empty.inRange')}</span>
          <Button size="compact-sm" variant="default" onClick={() => range.set({ from: 'now-7d', to: 'now' })}>
            {t('logs.empty.wider', { span: spanText(7 * DAY_MS, i18n.language) })}
          </Button>
        </>
      );
  }
}
