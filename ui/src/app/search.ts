/** Page state in the URL: plain text values, one parameter each, nothing encoded twice. */
export type Search = Record<string, string | undefined>;

export function parseSearch(text: string): Search {
  const out: Search = {};
  for (const [k, v] of new URLSearchParams(text)) out[k] ??= v;
  return out;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const out = new URLSearchParams();
  for (const [k, v] of Object.entries(search)) if (typeof v === 'string' && v !== '') out.set(k, v);
  const text = out.toString();
  return text ? `?${text}` : '';
}

/** One of the allowed values, or the first of them. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  value: string | undefined,
  allowed: T,
): T[number] {
  return allowed.find((a) => a === value) ?? allowed[0];
}
