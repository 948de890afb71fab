/** What precedes every path of the server: empty, or like `/prom`. The page says it in its `base` element. */
export const BASE = typeof document === 'undefined' ? '' : baseOf(document.baseURI);

/** The path of an address without the `/` at its end. */
export function baseOf(uri: string): string {
  return new URL(uri).pathname.replace(/\/[^/]*$/, '');
}

/** A path of the server as the browser must ask for it. */
export function href(path: string): string {
  return `${BASE}${path}`;
}
