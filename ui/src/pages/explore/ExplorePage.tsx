import { Button, Menu, SegmentedControl } from '@mantine/core';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/client';
import { swathStep } from '../../api/hooks';
import { get, queryInstant, queryRange, type Answer, type QueryData } from '../../api/prometheus';
import { oneOf } from '../../app/search';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { EmptyReason } from '../../chart/EmptyReason';
import { format } from '../../format/units';
import { say } from '../../i18n/sentences';
import { onGrid } from '../../time/range';
import { useRange } from '../../time/useRange';
import { copyText } from '../../widgets/copy';
import { Editor } from './Editor';
import classes from './ExplorePage.module.css';
import { addTo, readHistory, writeHistory } from './history';
import { readError } from '../../editor/position';
import { ResultGraph } from './ResultGraph';
import { ResultTable } from './ResultTable';
import { useStarters } from './starters';

export interface Ran {
  answer: Answer<QueryData>;
  start: number;
  end: number;
  step: number;
}

export function ExplorePage() {
  const { t, i18n } = useTranslation();
  useTitle(t('nav.explore'));
  const client = useQueryClient();
  const range = useRange();
  const [search, patch] = useUrlState();
  const query = search.q ?? '';
  const view = oneOf(search.view, ['graph', 'table']);
  const [draft, setDraft] = useState(query);
  const [past, setPast] = useState(readHistory);
  useEffect(() => setDraft(query), [query]);

  const ran = useQuery({
    queryKey: ['explore', query, view, range.text.from, range.text.to],
    queryFn: async ({ signal }): Promise<Ran> => {
      const now = range.now();
      const step = swathStep(now, 10_000);
      const grid = onGrid(now, step);
      const answer =
        view === 'graph'
          ? await queryRange(query, { ...grid, step }, signal)
          : await queryInstant(query, range.live ? null : now.end, signal);
      return { answer, start: now.start, end: now.end, step };
    },
    enabled: query !== '',
    refetchInterval: (q) => (range.live && q.state.error === null ? 10_000 : false),
    placeholderData: keepPreviousData,
    retry: false,
  });

  const run = () => {
    const next = draft.trim();
    const kept = addTo(past, next);
    setPast(kept);
    writeHistory(kept);
    if (next === query) void client.invalidateQueries({ queryKey: ['explore', query] });
    else patch({ q: next || undefined }, { push: true });
  };
  const failure = query === '' ? null : ran.error;
  const error = useMemo(() => {
    if (!failure) return null;
    const text =
      failure instanceof ApiError && failure.kind === 'unreachable' ? t('error.unreachable') : failure.message;
    return { ...readError(text, query), full: text };
  }, [failure, query, t]);
  const underline = useMemo(
    () => (error?.spot && draft === query ? { message: error.message, spot: error.spot } : null),
    [error, draft, query],
  );
  const tidy = async () => {
    try {
      setDraft(await get<string>(`/api/v1/format_query?${new URLSearchParams({ query: draft }).toString()}`));
    } catch {
      // A query that does not parse stays as it is; running it says what is wrong.
      run();
    }
  };
  const data = query !== '' && !failure ? ran.data : undefined;
  return (
    <>
      <h1 className="sr-only">{t('nav.explore')}</h1>
      <div className={classes.ask}>
        <Editor
          value={draft}
          label={t('explore.editor')}
          hint={t('explore.hint')}
          error={underline}
          onChange={setDraft}
          onRun={run}
        />
        <Button onClick={run} h={38} loading={ran.isFetching && !ran.data}>
          {t('explore.run')}
        </Button>
      </div>
      <div className={classes.bar}>
        <SegmentedControl
          size="xs"
          aria-label={t('explore.view')}
          value={view}
          onChange={(v) => patch({ view: v === 'graph' ? undefined : v }, { push: true })}
          data={[
            { value: 'graph', label: t('explore.graph') },
            { value: 'table', label: t('explore.table') },
          ]}
        />
        <Menu position="bottom-start" width={520} withinPortal>
          <Menu.Target>
            <Button size="compact-sm" variant="default" disabled={past.length === 0}>
              {t('explore.history')}
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }}>
            {past.map((q) => (
              <Menu.Item key={q} onClick={() => patch({ q }, { push: true })}>
                <span className="mono cut" style={{ display: 'block', maxWidth: 490 }}>
                  {q}
                </span>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Button size="compact-sm" variant="default" onClick={() => void tidy()} disabled={draft.trim() === ''}>
          {t('explore.format')}
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => void copyText(draft)} disabled={draft === ''}>
          {t('explore.copy')}
        </Button>
        <span className={classes.cost} role="status">
          {data && <Cost ran={data} />}
        </span>
      </div>
      {error && (
        <div className={`panel ${classes.error}`} role="alert">
          <strong>{t('explore.failed')}</strong> <span>{error.full}</span>
          {error.spot && <Caret query={query} from={error.spot.from} to={error.spot.to} />}
        </div>
      )}
      {data?.answer.warnings.map((w) => (
        <div key={w} className={`panel ${classes.warning}`}>
          {say(w, i18n.language)}
        </div>
      ))}
      {data?.answer.infos.map((w) => (
        <div key={w} className={`panel ${classes.warning} muted`}>
          {w}
        </div>
      ))}
      {query === '' && <Starters onPick={(q) => patch({ q }, { push: true })} />}
      {data && isEmpty(data.answer.data) && (
        <div className={`panel ${classes.blank}`}>
          <EmptyReason query={query} range={range} />
        </div>
      )}
      {data && !isEmpty(data.answer.data) && (
        <div className={`panel ${classes.result}`}>
          {view === 'graph' && data.answer.data.resultType === 'matrix' ? (
            <ResultGraph ran={data} query={query} range={range} />
          ) : (
            <ResultTable data={data.answer.data} onPick={(q) => patch({ q }, { push: true })} />
          )}
        </div>
      )}
    </>
  );
}

function isEmpty(data: QueryData): boolean {
  return (data.resultType === 'vector' || data.resultType === 'matrix') && data.result.length === 0;
}

/** How many series and points, and how long it took. */
function Cost({ ran }: { ran: Ran }) {
  const { t } = useTranslation();
  const { data, tookMs } = ran.answer;
  const took = format(tookMs / 1000, 'seconds');
  if (data.resultType !== 'matrix') return t('explore.cost', { count: data.result.length, took });
  const points = data.result.reduce((n, s) => n + (s.values?.length ?? 0) + (s.histograms?.length ?? 0), 0);
  return t('explore.costRange', {
    count: data.result.length,
    points: format(points, 'count'),
    step: format(ran.step / 1000, 'seconds'),
    took,
  });
}

function Caret({ query, from, to }: { query: string; from: number; to: number }) {
  return (
    <pre className={classes.caret}>
      {query.slice(0, from)}
      <u>{query.slice(from, to) || ' '}</u>
      {query.slice(to)}
    </pre>
  );
}

function Starters({ onPick }: { onPick: (query: string) => void }) {
  const { t } = useTranslation();
  const starters = useStarters();
  return (
    <div className={`panel ${classes.starters}`}>
      <h2 className={classes.startersTitle}>{t('explore.start')}</h2>
      <ul>
        {starters.map((s) => (
          <li key={s.query}>
            <button type="button" className={classes.starter} onClick={() => onPick(s.query)}>
              <span>{s.title}</span>
              <code className="mono muted">{s.query}</code>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
