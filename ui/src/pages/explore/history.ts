/** Queries that were run, newest first, kept in this browser. */
const KEY = 'bonghwa.explore.history';
const KEPT = 50;

export function addTo(list: readonly string[], query: string): string[] {
  const q = query.trim();
  return q === '' ? [...list] : [q, ...list.filter((x) => x !== q)].slice(0, KEPT);
}

export function readHistory(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((x): x is string => typeof x === 'string') : [];
  } catch {
    return [];
  }
}

export function writeHistory(list: readonly string[]): void {
  localStorage.setItem(KEY, JSON.stringify(list));
}
