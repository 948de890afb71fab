/** Loki's HTTP API on our own server. */
import { BASE } from './base';
import { ApiError, getJson, storedToken } from './client';
import type { LabelSet, MatrixItem, VectorItem } from './prometheus';

/** What an entry carries beside its stream, apart by where it comes from. */
export interface Categorised {
  /** Sent with the line, and its level. */
  structuredMetadata?: LabelSet;
  /** Found in the line as it arrived; only this server says so, and only where it is asked. */
  detected?: LabelSet;
  /** Made by the query's own parsers. */
  parsed?: LabelSet;
}

/** Nanoseconds as text, the line, its fields. */
export type RawEntry = [string, string] | [string, string, Categorised];

export interface RawStream {
  stream: LabelSet;
  values: RawEntry[];
}

export type LogData =
  | { resultType: 'streams'; result: RawStream[]; stats?: LogStats }
  | { resultType: 'matrix'; result: MatrixItem[]; stats?: LogStats }
  | { resultType: 'vector'; result: VectorItem[]; stats?: LogStats };

export interface LogStats {
  summary?: { totalBytesProcessed?: number; totalLinesProcessed?: number; execTime?: number };
}

export interface RawPattern {
  pattern: string;
  level?: string;
  /** Unix seconds, lines. */
  samples: [number, number][];
  /** A message of it, and when it was seen first and last (ns). */
  example?: string;
  first?: string;
  last?: string;
}

export interface DetectedField {
  label: string;
  type: string;
  cardinality: number;
  parsers?: string[] | null;
}

interface Envelope<T> {
  status: 'success' | 'error';
  data: T;
}

type Params = Record<string, string | number | undefined>;

function path(name: string, params: Params): string {
  const search = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined) search.set(k, String(v));
  return `/loki/api/v1/${name}?${search.toString()}`;
}

/** Milliseconds as the nanoseconds that the API takes. */
export function nanos(ms: number): string {
  return `${Math.round(ms)}000000`;
}

async function ask<T>(name: string, params: Params, signal?: AbortSignal): Promise<T> {
  const headers = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels,detected' };
  const reply = await getJson<Envelope<T>>(path(name, params), { headers, signal });
  if (reply.status !== 'success') throw new ApiError('internal', '', 200);
  return reply.data;
}

export interface LinesAsk {
  query: string;
  /** Nanoseconds: from here on, and before that. */
  start: string;
  end: string;
  limit: number;
  direction: 'backward' | 'forward';
}

/** Log lines; within each stream in the asked order. */
export async function queryLines(q: LinesAsk, signal?: AbortSignal): Promise<RawStream[]> {
  const data = await ask<LogData>('query_range', { ...q }, signal);
  return data.resultType === 'streams' ? data.result : [];
}

export interface Span {
  /** Milliseconds. */
  start: number;
  end: number;
}

/** A metric query over a range, one value every `stepMs`. */
export async function queryMatrix(query: string, span: Span, stepMs: number, signal?: AbortSignal): Promise<LogData> {
  const { start, end } = span;
  return ask<LogData>(
    'query_range',
    { query, start: nanos(start), end: nanos(end), step: `${stepMs / 1000}s`, limit: 5000 },
    signal,
  );
}

/** A metric query at one time. */
export async function queryVector(query: string, timeMs: number, signal?: AbortSignal): Promise<VectorItem[]> {
  const data = await ask<LogData>('query', { query, time: nanos(timeMs), limit: 1000 }, signal);
  return data.resultType === 'vector' ? data.result : [];
}

function spanned(span: Span): { start: string; end: string } {
  return { start: nanos(span.start), end: nanos(span.end) };
}

/** Names of stream labels. Loki leaves `data` out where there are none. */
export async function labels(span: Span, signal?: AbortSignal): Promise<string[]> {
  return (await ask<string[] | undefined>('labels', spanned(span), signal)) ?? [];
}

export async function labelValues(name: string, span: Span, query?: string, signal?: AbortSignal): Promise<string[]> {
  const asked = { ...spanned(span), query };
  return (await ask<string[] | undefined>(`label/${encodeURIComponent(name)}/values`, asked, signal)) ?? [];
}

/** The streams that a selector chooses. */
export async function series(selector: string, span: Span, signal?: AbortSignal): Promise<LabelSet[]> {
  return (await ask<LabelSet[] | undefined>('series', { 'match[]': selector, ...spanned(span) }, signal)) ?? [];
}

export async function patterns(query: string, span: Span, stepMs: number, signal?: AbortSignal): Promise<RawPattern[]> {
  const asked = { query, ...spanned(span), step: `${stepMs / 1000}s`, examples: 'true' };
  return (await ask<RawPattern[] | null | undefined>('patterns', asked, signal)) ?? [];
}

/** Fields found beside and in a sample of the lines. This answer has no envelope. */
export async function detectedFields(query: string, span: Span, signal?: AbortSignal): Promise<DetectedField[]> {
  const asked = path('detected_fields', { query, ...spanned(span), line_limit: 1000, limit: 200 });
  const reply = await getJson<{ fields?: DetectedField[] | null; data?: { fields?: DetectedField[] | null } }>(asked, {
    signal,
  });
  return reply.fields ?? reply.data?.fields ?? [];
}

export interface TailMessage {
  streams?: RawStream[] | null;
  dropped_entries?: { timestamp: string; labels: LabelSet }[] | null;
}

/** Where new lines come in as they are written. Browsers open sockets without headers, so the token travels along. */
export function tailAddress(query: string, startNs: string, limit: number): string {
  const token = storedToken() ?? undefined;
  const url = new URL(BASE + path('tail', { query, start: startNs, limit, token }), document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
