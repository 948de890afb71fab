import { ApiError, getJson } from './client';

export type LabelSet = Record<string, string>;
/** Unix seconds, value as text. */
export type RawSample = [number, string];
export interface RawHistogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}
export interface VectorItem {
  metric: LabelSet;
  value?: RawSample;
  histogram?: [number, RawHistogram];
}
export interface MatrixItem {
  metric: LabelSet;
  values?: RawSample[];
  histograms?: [number, RawHistogram][];
}
export type QueryData =
  | { resultType: 'vector'; result: VectorItem[] }
  | { resultType: 'matrix'; result: MatrixItem[] }
  | { resultType: 'scalar' | 'string'; result: RawSample };

interface Envelope<T> {
  status: 'success' | 'error';
  data: T;
  warnings?: string[];
  infos?: string[];
}

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
  /** How long the answer took, ms, as seen from here. */
  tookMs: number;
}

async function call<T>(path: string, params: Record<string, string>, signal?: AbortSignal): Promise<Answer<T>> {
  const began = performance.now();
  const body = new URLSearchParams(params);
  const reply = await getJson<Envelope<T>>(path, { method: 'POST', body, signal });
  if (reply.status !== 'success') throw new ApiError('internal', '', 200);
  return {
    data: reply.data,
    warnings: reply.warnings ?? [],
    infos: reply.infos ?? [],
    tookMs: performance.now() - began,
  };
}

/** At `timeMs`, or at the server's now. */
export function queryInstant(query: string, timeMs: number | null, signal?: AbortSignal): Promise<Answer<QueryData>> {
  return call('/api/v1/query', timeMs === null ? { query } : { query, time: String(timeMs / 1000) }, signal);
}

export interface RangeAsk {
  start: number;
  end: number;
  /** Milliseconds. */
  step: number;
}

export function queryRange(query: string, ask: RangeAsk, signal?: AbortSignal): Promise<Answer<QueryData>> {
  return call(
    '/api/v1/query_range',
    { query, start: String(ask.start / 1000), end: String(ask.end / 1000), step: String(ask.step / 1000) },
    signal,
  );
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const reply = await getJson<Envelope<T>>(path, { signal });
  return reply.data;
}

/** A number as Prometheus writes it: `+Inf`, `-Inf` and `NaN` included. */
export function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}
