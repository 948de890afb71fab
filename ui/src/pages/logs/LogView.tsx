import { Button, SegmentedControl, Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/client';
import { oneOf } from '../../app/search';
import { useUrlState } from '../../app/useUrlState';
import type { EditorHandle } from '../../editor/CodeEditor';
import { readError } from '../../editor/position';
import { useRange } from '../../time/useRange';
import { copyText } from '../../widgets/copy';
import { fieldState, isMetric, needles, translate, withField } from './ask';
import { Histogram } from './Histogram';
import { barsOf } from './bars';
import { LinePanel, SIDES } from './LinePanel';
import { ExportMenu } from './ExportMenu';
import { Facets } from './Facets';
import { Fields } from './Fields';
import { Lines } from './Lines';
import classes from './Logs.module.css';
import { MetricResult } from './MetricResult';
import { Patterns } from './Patterns';
import { QueryBox } from './QueryBox';
import { neighbour, useLogKeys } from './useLogKeys';
import { useFollowed } from './useFollowed';
import { useLiveTail } from './useLiveTail';
import { useLines, useMetric, useStore, volumeQuery } from './useLogs';

const ORDERS = ['newest', 'oldest'] as const;
const TABS = ['lines', 'patterns', 'fields'] as const;

interface Props {
  /** The streams of the page, where it has its own: a selector. */
  base?: string;
  height: string;
}

/** Search, histogram and lines; everything that can be chosen stands in the URL. */
export function LogView({ base, height }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const range = useRange();
  const [search, patch] = useUrlState();
  const text = search.q ?? '';
  const order = oneOf(search.order, ORDERS);
  const wrap = search.wrap === '1';
  const selected = search.line ?? null;
  const side = oneOf(search.side, SIDES);
  const tab = oneOf(search.tab, TABS);
  const store = useStore(range, base);
  const logql = useMemo(() => translate(text, store), [text, store]);
  const metric = isMetric(logql);
  const following = search.tail === '1' && !metric;
  const ready = store.loaded && store.error === null;

  const lines = useLines(logql, order, range, ready && !metric, following);
  const tail = useLiveTail(logql, following && ready, store.labels);
  const volume = useMetric(`volume ${logql}`, (step) => volumeQuery(logql, step), range, ready && !metric);
  const numbers = useMetric(logql, () => logql, range, ready && metric, 240);
  const found = useMemo(() => needles(logql), [logql]);
  const bars = useMemo(() => (volume.data ? barsOf(volume.data.data) : null), [volume.data]);

  const box = useRef<EditorHandle>(null);
  const setText = useCallback(
    (next: string) => patch({ q: next || undefined, line: undefined }, { push: true }),
    [patch],
  );
  const run = (next: string) => {
    if (next !== text) setText(next);
    else void client.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith('log-') });
  };
  const select = useCallback((id: string | null) => patch({ line: id ?? undefined }), [patch]);
  const followed = useFollowed(lines.entries, following ? tail : null);
  const entries = followed.all;
  const ids = useMemo(() => entries.map((e) => e.id), [entries]);
  useLogKeys({ ids, selected, onSelect: select, onBox: () => box.current?.focus() });

  const failure = store.error ?? (metric ? numbers.error : lines.answer.error);
  const error = useMemo(() => {
    if (!failure) return null;
    const away = failure instanceof ApiError && failure.kind === 'unreachable';
    const absent = failure instanceof ApiError && failure.kind === 'not_found';
    const full = away
      ? t('error.unreachable')
      : absent
        ? t('logs.empty.unavailable', { error: failure.message })
        : failure.message;
    return { ...readError(full, logql), full };
  }, [failure, logql, t]);
  const underline = error?.spot && logql === text.trim() ? { message: error.message, spot: error.spot } : null;

  return (
    <>
      <QueryBox
        text={text}
        store={store}
        range={range}
        error={underline}
        busy={(metric ? numbers : lines.answer).isLoading && ready}
        autoFocus={base === undefined && selected === null}
        handle={box}
        onRun={run}
      />
      <div className={classes.bar}>
        <div className={classes.query}>
          <span>{t('logs.asLogql')}</span>
          <code className="mono cut" title={logql} data-testid="logql">
            {logql}
          </code>
          <Button size="compact-xs" variant="default" onClick={() => void copyText(logql)}>
            {t('logs.copy')}
          </Button>
          {logql !== text.trim() && (
            <Button size="compact-xs" variant="default" onClick={() => setText(logql)}>
              {t('logs.edit')}
            </Button>
          )}
        </div>
        <div className={classes.tools}>
          {!metric && (
            <SegmentedControl
              size="xs"
              aria-label={t('logs.view')}
              value={tab}
              onChange={(v) => patch({ tab: v === 'lines' ? undefined : v }, { push: true })}
              data={TABS.map((name) => ({ value: name, label: t(`logs.tab.${name}`) }))}
            />
          )}
          <Switch
            size="xs"
            checked={following}
            disabled={metric}
            onChange={(e) =>
              patch({ tail: e.currentTarget.checked ? '1' : undefined, order: undefined }, { push: true })
            }
            label={t('logs.tail')}
          />
          <Switch
            size="xs"
            checked={wrap}
            onChange={(e) => patch({ wrap: e.currentTarget.checked ? '1' : undefined })}
            label={t('logs.wrap')}
          />
          <SegmentedControl
            size="xs"
            aria-label={t('logs.order')}
            value={order}
            disabled={following}
            onChange={(v) => patch({ order: v === 'newest' ? undefined : v }, { push: true })}
            data={ORDERS.map((o) => ({ value: o, label: t(`logs.${o}`) }))}
          />
          <ExportMenu logql={logql} order={order} range={range} disabled={metric || !ready} />
        </div>
      </div>
      {error && (
        <div className={`panel ${classes.error}`} role="alert">
          <strong>{t('logs.failed')}</strong> <span>{error.full}</span>
        </div>
      )}
      {!error && !metric && bars && volume.data && bars.total > 0 && (
        <Histogram
          bars={bars}
          start={volume.data.start}
          end={volume.data.end}
          stepMs={volume.data.step}
          range={range}
          text={text}
          query={volume.data.query}
          onLevel={(level) => setText(withField(text, 'level', level))}
          onQuery={() => setText(volume.data?.query ?? '')}
        />
      )}
      <div className={classes.split}>
        {base === undefined && store.names.length > 0 && !metric && (
          <Facets
            text={text}
            store={store}
            range={range}
            height={height}
            open={search.facets}
            onOpen={(facets) => patch({ facets })}
            onField={(name, value, not) => setText(withField(text, name, value, not))}
          />
        )}
        {error ? null : metric ? (
          numbers.data && <MetricResult answer={numbers.data} range={range} onText={setText} />
        ) : tab === 'patterns' ? (
          <Patterns
            logql={logql}
            range={range}
            filter={search.pattern}
            onFilter={(pattern) => patch({ pattern })}
            onText={(next) => patch({ q: next, tab: undefined, line: undefined }, { push: true })}
          />
        ) : tab === 'fields' ? (
          <Fields
            logql={logql}
            text={text}
            store={store}
            range={range}
            open={search.field}
            onOpen={(field) => patch({ field })}
            onField={(name, value, not) => setText(withField(text, name, value, not))}
          />
        ) : (
          <Lines
            logql={logql}
            answer={lines.answer}
            followed={followed}
            tail={following ? tail : null}
            range={range}
            selected={selected}
            needles={found}
            wrap={wrap}
            named={base === undefined}
            height={height}
            onSelect={select}
            onText={setText}
          />
        )}
        {selected !== null && (
          <LinePanel
            id={selected}
            entry={entries.find((e) => e.id === selected)}
            logql={logql}
            side={side}
            height={height}
            needles={found}
            onSide={(s) => patch({ side: s === 'fields' ? undefined : s })}
            onStep={(by) => select(neighbour(ids, selected, by))}
            onField={(name, value, not) => {
              if (fieldState(text, name, value) !== !not) setText(withField(text, name, value, not));
            }}
            onText={setText}
            onClose={() => select(null)}
          />
        )}
      </div>
    </>
  );
}
