export interface Entry {
  id: string;
  kind: 'container' | 'page' | 'action' | 'metric';
  label: string;
  hint?: string;
  run: () => void;
}

/** How well `text` answers `query`: start of the text, start of a word, anywhere, letters in order; `null`: not at all. */
export function score(query: string, text: string): number | null {
  const q = query.toLowerCase();
  const t = text.toLowerCase();
  if (q === '') return 0;
  const at = t.indexOf(q);
  if (at === 0) return 4 - t.length / 1000;
  if (at > 0) return (/[^a-z0-9]/.test(t[at - 1] ?? '') ? 3 : 2) - t.length / 1000;
  let i = 0;
  for (const c of t) if (c === q[i]) i += 1;
  return i === q.length ? 1 - t.length / 1000 : null;
}

/** The best answers first, at most `limit`; order of the list breaks ties. */
export function rank(entries: readonly Entry[], query: string, limit: number): Entry[] {
  const words = query.trim().split(/\s+/).filter(Boolean);
  const scored: { e: Entry; s: number; i: number }[] = [];
  entries.forEach((e, i) => {
    let s = 0;
    for (const w of words) {
      const one = score(w, `${e.label} ${e.hint ?? ''}`);
      if (one === null) return;
      s += one;
    }
    scored.push({ e, s, i });
  });
  return scored
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .slice(0, limit)
    .map((x) => x.e);
}
