import { Button, TextInput, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { patterns, type RawPattern } from '../../api/loki';
import { duration, localTime, utcTime } from '../../format/time';
import { format, percent } from '../../format/units';
import { stepFor } from '../../time/range';
import type { PageRange } from '../../time/useRange';
import { Sparkline } from '../../widgets/Sparkline';
import listing from '../../widgets/listing.module.css';
import { EmptyLogs, selectorIn } from './EmptyLogs';
import { levelInk } from './levels';
import logs from './Logs.module.css';
import { patternRows, splitPattern, withPattern, type PatternRow } from './patterns';
import classes from './Patterns.module.css';
import { retry } from './useLogs';

interface Props {
  logql: string;
  range: PageRange;
  filter: string | undefined;
  onFilter: (filter: string | undefined) => void;
  onText: (text: string) => void;
}

const SHOWN = 300;

/** The shapes of the lines of the chosen streams, now and in the time before. */
function usePatterns(selector: string | null, range: PageRange) {
  return useQuery({
    queryKey: ['log-patterns', selector, range.text.from, range.text.to],
    queryFn: async ({ signal }) => {
      const now = range.now();
      const span = { start: now.start, end: now.end };
      const width = span.end - span.start;
      const step = Math.max(10_000, stepFor(now, 60, 10_000));
      const [current, before] = await Promise.all([
        patterns(selector ?? '', span, step, signal),
        patterns(selector ?? '', { start: span.start - width, end: span.start }, step, signal).catch(
          (): RawPattern[] | null => null,
        ),
      ]);
      return { rows: patternRows(current, before, span, Math.max(1, Math.floor(width / step))), width };
    },
    enabled: selector !== null,
    refetchInterval: range.live ? 30_000 : false,
    placeholderData: (last) => last,
    retry,
  });
}

export function Patterns({ logql, range, filter, onFilter, onText }: Props) {
  const { t, i18n } = useTranslation();
  const selector = selectorIn(logql);
  const { data, error } = usePatterns(selector, range);
  const shown = useMemo(() => {
    const needle = (filter ?? '').toLowerCase();
    return (data?.rows ?? []).filter((r) => r.pattern.toLowerCase().includes(needle)).slice(0, SHOWN);
  }, [data, filter]);
  if (error)
    return (
      <div className={`panel ${logs.main} ${logs.blank}`} role="alert">
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!data) return <div className={`panel ${logs.main} ${logs.blank}`}>{t('logs.empty.looking')}</div>;
  if (data.rows.length === 0)
    return (
      <div className={`panel ${logs.main} ${logs.blank}`}>
        <span>{t('logs.pattern.none')}</span>
        <EmptyLogs logql={selector ?? logql} range={range} onText={onText} quietWhereFull />
      </div>
    );
  return (
    <div className={`panel ${logs.main}`}>
      <header className={classes.head}>
        <strong>{t('logs.pattern.summary', { count: data.rows.length })}</strong>
        <TextInput
          size="xs"
          w={220}
          value={filter ?? ''}
          placeholder={t('logs.pattern.filter')}
          aria-label={t('logs.pattern.filter')}
          onChange={(e) => onFilter(e.currentTarget.value || undefined)}
        />
        <span className="muted">
          {t('logs.pattern.hint', { span: duration(data.width, i18n.language) })}
          {logql !== selector && ` ${t('logs.pattern.whole')}`}
        </span>
      </header>
      <div className={logs.table}>
        <table className={`${listing.table} ${classes.table}`}>
          <thead>
            <tr>
              <th className="num">{t('logs.pattern.count')}</th>
              <th className="num">{t('logs.pattern.share')}</th>
              <th>{t('logs.pattern.trend')}</th>
              <th>{t('logs.pattern.pattern')}</th>
              <th className={classes.seen}>{t('logs.pattern.first')}</th>
              <th className={classes.seen}>{t('logs.pattern.last')}</th>
              <th aria-label={t('logs.pattern.only')} />
            </tr>
          </thead>
          <tbody>
            {shown.map((r) => (
              <PatternLine key={`${r.change ?? ''} ${r.key}`} row={r} logql={logql} onText={onText} />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p className={classes.none}>{t('logs.pattern.noMatch')}</p>}
      </div>
    </div>
  );
}

function PatternLine({ row: r, logql, onText }: { row: PatternRow; logql: string; onText: (text: string) => void }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const [open, setOpen] = useState(false);
  const seen = (ms: number) => (
    <time title={`${localTime(ms)} · ${utcTime(ms)}`} dateTime={new Date(ms).toISOString()}>
      {localTime(ms).slice(5, 16)}
    </time>
  );
  return (
    <tr>
      <td className="num">{format(r.count, 'count')}</td>
      <td className="num muted">{r.change === 'gone' ? '–' : percent(r.share)}</td>
      <td>
        <Sparkline values={r.trend} width={110} height={20} />
      </td>
      <td className={classes.pattern}>
        <button
          type="button"
          className={classes.text}
          data-open={open || undefined}
          aria-expanded={open}
          title={t('logs.pattern.example')}
          onClick={() => setOpen(!open)}
        >
          {r.level !== 'unknown' && (
            <span className={classes.level} style={{ color: levelInk(r.level, scheme) }}>
              {r.level.toUpperCase()}
            </span>
          )}
          {r.change && <span className={classes.change}>{t(`logs.pattern.${r.change}`)}</span>}
          <code className="mono">
            {splitPattern(r.pattern).map((part, i) => (i % 2 === 1 ? <var key={i}>{part}</var> : part))}
          </code>
        </button>
        {open && (
          <figure className={classes.example}>
            <figcaption>{t('logs.pattern.example')}</figcaption>
            <code className="mono">{r.example}</code>
          </figure>
        )}
      </td>
      <td className={classes.seen}>{seen(r.first)}</td>
      <td className={classes.seen}>{seen(r.last)}</td>
      <td className={classes.actions}>
        <Button
          size="compact-xs"
          variant="default"
          title={t('logs.pattern.only')}
          aria-label={t('logs.pattern.only')}
          onClick={() => onText(withPattern(logql, r.pattern, false))}
        >
          +
        </Button>{' '}
        <Button
          size="compact-xs"
          variant="default"
          title={t('logs.pattern.not')}
          aria-label={t('logs.pattern.not')}
          onClick={() => onText(withPattern(logql, r.pattern, true))}
        >
          −
        </Button>
      </td>
    </tr>
  );
}
