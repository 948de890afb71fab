import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { ApiError } from '../../api/client';
import { detectedFields, labels, nanos, queryMatrix, type DetectedField, type LogData } from '../../api/loki';
import { onGrid, stepFor, type Range } from '../../time/range';
import type { PageRange } from '../../time/useRange';
import type { Known } from './ask';
import { everyStream } from './ask';
import { joined, type Entry, type Order } from './entries';
import { readPage, type Page, type Window } from './paging';

const PAGE = 500;
/** A live range asks again after this time. */
const AGAIN_MS = 10_000;
const NO_FIELDS: readonly DetectedField[] = [];

export const retry = (count: number, e: Error): boolean =>
  count < 2 && e instanceof ApiError && (e.kind === 'unreachable' || e.kind === 'unavailable');

export interface Store extends Known {
  /** Whether the names of the labels have come. */
  loaded: boolean;
  names: readonly string[];
  fields: readonly DetectedField[];
  error: Error | null;
}

/** What the store has in this range: the names that the box knows. `base`: the streams of the page, where it has its own. */
export function useStore(range: PageRange, base?: string): Store {
  const names = useQuery({
    queryKey: ['log-labels', range.text.from, range.text.to],
    queryFn: ({ signal }) => labels(range.now(), signal),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    retry,
  });
  const list = names.data;
  const every = base ?? everyStream(list ?? []);
  const fields = useQuery({
    queryKey: ['log-fields', every, range.text.from, range.text.to],
    queryFn: ({ signal }) => detectedFields(every, range.now(), signal),
    enabled: list !== undefined && list.length > 0,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const found = fields.data ?? NO_FIELDS;
  return useMemo(
    () => ({
      labels: new Set(list ?? []),
      parsers: new Map(found.map((f) => [f.label, f.parsers ?? []])),
      base: every,
      loaded: list !== undefined,
      names: list ?? [],
      fields: found,
      error: names.error,
    }),
    [list, every, found, names.error],
  );
}

/** The lines of a query, page after page. */
export function useLines(logql: string, order: Order, range: PageRange, enabled: boolean, still: boolean) {
  const answer = useInfiniteQuery({
    queryKey: ['log-lines', logql, order, range.text.from, range.text.to],
    queryFn: ({ pageParam, signal }): Promise<Page> => {
      const now = range.now();
      const window = pageParam ?? { start: nanos(now.start), end: nanos(now.end) };
      return readPage(logql, window, order, PAGE, signal);
    },
    initialPageParam: null as Window | null,
    getNextPageParam: (last) => last.next,
    enabled: enabled && logql !== '',
    refetchInterval: (q) =>
      range.live && !still && q.state.error === null && (q.state.data?.pages.length ?? 0) <= 1 ? AGAIN_MS : false,
    placeholderData: keepPreviousData,
    retry,
  });
  const { data } = answer;
  const entries = useMemo(
    () => (data?.pages ?? []).reduce<Entry[]>((all, page) => joined(all, page.entries), []),
    [data],
  );
  return { answer, entries };
}

export interface MetricAnswer {
  data: LogData;
  start: number;
  end: number;
  step: number;
  query: string;
}

const BARS = 90;

export function barStep(range: Range): number {
  return stepFor(range, BARS, 1000);
}

/** A metric query over the page's range; `build` is told the step. */
export function useMetric(
  key: string,
  build: (stepMs: number) => string,
  range: PageRange,
  enabled: boolean,
  points?: number,
) {
  return useQuery({
    queryKey: ['log-metric', key, range.text.from, range.text.to],
    queryFn: async ({ signal }): Promise<MetricAnswer> => {
      const now = range.now();
      const step = points ? stepFor(now, points, 1000) : barStep(now);
      const query = build(step);
      // A value stands for the step before it, so the last one ends behind the range.
      const grid = onGrid(now, step);
      const asked = { start: grid.start + step, end: grid.end + step };
      return { data: await queryMatrix(query, asked, step, signal), start: now.start, end: now.end, step, query };
    },
    refetchInterval: (q) => (range.live && q.state.error === null ? AGAIN_MS : false),
    placeholderData: keepPreviousData,
    enabled,
    retry,
  });
}

/** Lines that a parser cannot read are counted, too: Loki refuses to count a line with an error. */
function countable(logql: string): string {
  const parses = /\|\s*(json|logfmt|unpack|pattern|regexp)\b/.test(logql);
  return parses ? `${logql} | drop __error__, __error_details__` : logql;
}

/** The query behind the histogram. */
export function volumeQuery(logql: string, stepMs: number): string {
  return `sum by (detected_level) (count_over_time(${countable(logql)} [${stepMs / 1000}s]))`;
}

/** How often each value of a field stands in the lines, over the whole range. */
export function topQuery(logql: string, name: string, spanMs: number, top: number, parsers: readonly string[]): string {
  const parse = parsers.filter((p) => !logql.includes(`| ${p}`)).map((p) => ` | ${p}`);
  const seconds = Math.max(1, Math.round(spanMs / 1000));
  const lines = countable(`${logql}${parse.join('')} | ${name} != ""`);
  return `topk(${top}, sum by (${name}) (count_over_time(${lines} [${seconds}s])))`;
}
