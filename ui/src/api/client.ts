import { href } from './base';
import type { ErrorKind } from './types';

const TOKEN_KEY = 'bonghwa.token';

/** An answer that is not a result: its kind, and the server's sentence. */
export class ApiError extends Error {
  readonly kind: ErrorKind | 'unreachable' | 'bad_data' | 'execution' | 'canceled';
  readonly status: number;

  constructor(kind: ApiError['kind'], message: string, status: number) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

export function storedToken(): string | null {
  return sessionStorage.getItem(TOKEN_KEY);
}

export function storeToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function kindOf(status: number): ApiError['kind'] {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404) return 'not_found';
  if (status === 503) return 'unavailable';
  return status < 500 ? 'invalid' : 'internal';
}

/** Fetches JSON; every failure is an `ApiError`. */
export async function getJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = new Headers(init.headers);
  headers.set('Accept', 'application/json');
  const token = storedToken();
  if (token) headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(href(path), { ...init, headers });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError('unreachable', '', 0);
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(kindOf(response.status), text.slice(0, 300), response.status);
  }
  if (!response.ok) {
    const b = body as { kind?: ApiError['kind']; errorType?: ApiError['kind']; error?: string };
    throw new ApiError(b.kind ?? b.errorType ?? kindOf(response.status), b.error ?? '', response.status);
  }
  return body as T;
}

/** A path of our own API with its query string. */
export function ownPath(path: string, params: Record<string, string | number | boolean | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined) search.set(k, String(v));
  const query = search.toString();
  return `/api/bonghwa/v1${path}${query ? `?${query}` : ''}`;
}

/** An event stream; browsers open these without headers, so the token travels in the address. */
export function openStream(path: string): EventSource {
  const token = storedToken();
  const url = href(path);
  if (!token) return new EventSource(url);
  return new EventSource(`${url}${path.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`);
}
