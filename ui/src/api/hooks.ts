import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import type { Range } from '../time/range';
import { onGrid, stepFor } from '../time/range';
import type { PageRange } from '../time/useRange';
import type { GroupItem } from '../pages/alerts/model';
import { ApiError, getJson, ownPath } from './client';
import { liveStore, type LiveState } from './live';
import { get, queryRange, type MatrixItem, type VectorItem, queryInstant } from './prometheus';
import type { Cardinality, ContainerEvent, ContainerRow, Fold, LastMinutes, Node, Status, WhyEmpty } from './types';

export function useLive(): LiveState {
  return useSyncExternalStore(liveStore.subscribe, liveStore.get);
}

/** Whether rows have come and no more do: for those who do not care for the rows themselves. */
export function useLost(): boolean {
  return useSyncExternalStore(liveStore.subscribe, () => liveStore.get().loaded && !liveStore.get().connected);
}

const retry = (count: number, e: Error): boolean =>
  count < 2 && e instanceof ApiError && (e.kind === 'unreachable' || e.kind === 'unavailable');

export function useContainer(id: string) {
  return useQuery({
    queryKey: ['container', id],
    queryFn: ({ signal }) => getJson<ContainerRow>(ownPath(`/containers/${encodeURIComponent(id)}`), { signal }),
    refetchInterval: 5000,
    retry,
  });
}

export function useContainerEvents(id: string, range: PageRange) {
  return useQuery({
    queryKey: ['events', id, range.text.from, range.text.to],
    queryFn: async ({ signal }): Promise<ContainerEvent[]> => {
      const { start, end } = range.now();
      const path = ownPath(`/containers/${encodeURIComponent(id)}/events`, {
        start: Math.round(start),
        end: Math.round(end),
        limit: 1000,
      });
      return (await getJson<{ events: ContainerEvent[] }>(path, { signal })).events;
    },
    refetchInterval: range.live ? 5000 : false,
    placeholderData: keepPreviousData,
    enabled: id !== '',
    retry,
  });
}

export function useLastMinutes(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['last-minutes', id],
    queryFn: ({ signal }) =>
      getJson<{ last_minutes: LastMinutes | null }>(ownPath(`/containers/${encodeURIComponent(id)}/last-minutes`), {
        signal,
      }).then((r) => r.last_minutes),
    // Written down at the death, which the page may have seen a moment earlier.
    refetchInterval: (q) => (q.state.data === null && q.state.dataUpdateCount < 10 ? 2000 : false),
    enabled,
    retry,
  });
}

export function useNodes() {
  return useQuery({
    queryKey: ['nodes'],
    queryFn: ({ signal }) => getJson<Node[]>(ownPath('/nodes'), { signal }),
    refetchInterval: 30_000,
    retry,
  });
}

export function useStatus() {
  return useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => getJson<Status>(ownPath('/status'), { signal }),
    refetchInterval: 5000,
    retry,
  });
}

export function useCardinality() {
  return useQuery({
    queryKey: ['cardinality'],
    queryFn: ({ signal }) => getJson<Cardinality>(ownPath('/cardinality'), { signal }),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
    retry,
  });
}

/** Ends a fold. */
export function useRelease() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (fold: Fold) => {
      const { metric, target } = fold;
      const path = ownPath('/cardinality/release', { metric, job: target?.job, instance: target?.instance });
      return getJson<unknown>(path, { method: 'POST' });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['cardinality'] }),
  });
}

export interface TargetItem {
  discoveredLabels: Record<string, string>;
  labels: Record<string, string>;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval: string;
  scrapeTimeout: string;
}

export interface DroppedItem {
  discoveredLabels: Record<string, string>;
  scrapePool: string;
}

/** Jobs, and the kinds of discovery that they ask for and that are not there. */
export function usePools() {
  return useQuery({
    queryKey: ['pools'],
    queryFn: ({ signal }) =>
      get<{ scrapePools: string[]; unsupported: Record<string, string[]> }>('/api/v1/scrape_pools', signal),
    refetchInterval: 5000,
    retry,
  });
}

export function useTargets() {
  return useQuery({
    queryKey: ['targets'],
    queryFn: ({ signal }) =>
      get<{ activeTargets: TargetItem[]; droppedTargets: DroppedItem[] }>('/api/v1/targets', signal),
    refetchInterval: 5000,
    retry,
  });
}

export function useRules() {
  return useQuery({
    queryKey: ['rules'],
    queryFn: ({ signal }) => get<{ groups: GroupItem[] }>('/api/v1/rules', signal),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
    retry,
  });
}

/** Answers of several queries over one range, with the range that they were asked for. */
export interface Swath {
  start: number;
  end: number;
  step: number;
  tookMs: number;
  results: MatrixItem[][];
  warnings: string[];
}

const POINTS = 240;

export function swathStep(range: Range, intervalMs: number): number {
  return stepFor(range, POINTS, Math.min(intervalMs, 10_000));
}

/** Range queries for one chart. A live range asks again as often as a new point can be there. */
export function useSwath(build: (step: number) => string[], key: string, range: PageRange, enabled: boolean) {
  const interval = 10_000;
  return useQuery({
    queryKey: ['swath', key, range.text.from, range.text.to],
    queryFn: async ({ signal }): Promise<Swath> => {
      const now = range.now();
      const step = swathStep(now, interval);
      const grid = onGrid(now, step);
      const began = performance.now();
      const answers = await Promise.all(build(step).map((q) => queryRange(q, { ...grid, step }, signal)));
      return {
        start: now.start,
        end: now.end,
        step,
        tookMs: performance.now() - began,
        results: answers.map((a) => (a.data.resultType === 'matrix' ? a.data.result : [])),
        warnings: answers.flatMap((a) => a.warnings),
      };
    },
    refetchInterval: (q) => (range.live && enabled ? Math.max(5000, q.state.data?.step ?? 10_000) : false),
    placeholderData: keepPreviousData,
    enabled,
    retry,
  });
}

/** One instant query, again every few seconds. */
export function useInstant(query: string, everyMs = 5000, enabled = true) {
  return useQuery({
    queryKey: ['instant', query],
    queryFn: async ({ signal }): Promise<VectorItem[]> => {
      const a = await queryInstant(query, null, signal);
      return a.data.resultType === 'vector' ? a.data.result : [];
    },
    refetchInterval: everyMs,
    placeholderData: keepPreviousData,
    enabled,
    retry,
  });
}

export function useWhyEmpty(query: string, range: PageRange, enabled: boolean) {
  return useQuery({
    queryKey: ['why-empty', query, range.text.from, range.text.to],
    queryFn: ({ signal }) => {
      const { start, end } = range.now();
      return getJson<WhyEmpty>(ownPath('/why-empty', { query, start: Math.round(start), end: Math.round(end) }), {
        signal,
      });
    },
    enabled,
    refetchInterval: 15_000,
    retry,
  });
}
