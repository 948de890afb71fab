/** Points of one series: milliseconds and values, oldest first. */
export interface Points {
  t: number[];
  v: (number | null)[];
}

export const NO_POINTS: Points = { t: [], v: [] };

/**
 * One series out of what is stored and the newer, finer seconds of the in-memory ring: stored points up to where the
 * ring begins, the ring from there on. Points outside `start..end` are left out.
 */
export function mergeRing(stored: Points, ring: Points, start: number, end: number): Points {
  const out: Points = { t: [], v: [] };
  const ringFrom = ring.t[0] ?? Infinity;
  const push = (p: Points, before: number) => {
    for (let i = 0; i < p.t.length; i += 1) {
      const t = p.t[i] as number;
      if (t >= start && t <= end && t < before) {
        out.t.push(t);
        out.v.push(p.v[i] ?? null);
      }
    }
  };
  push(stored, ringFrom);
  push(ring, Infinity);
  return out;
}

/** Puts an unknown value between points that lie further apart than `gapMs`, so that the line breaks there. */
export function breakGaps(p: Points, gapMs: number): Points {
  const out: Points = { t: [], v: [] };
  for (let i = 0; i < p.t.length; i += 1) {
    const t = p.t[i] as number;
    const before = p.t[i - 1];
    if (before !== undefined && t - before > gapMs) {
      out.t.push(Math.round((before + t) / 2));
      out.v.push(null);
    }
    out.t.push(t);
    out.v.push(p.v[i] ?? null);
  }
  return out;
}

/** One shared time column. `undefined` joins over a column's missing time, `null` breaks the line. */
export function align(list: readonly Points[]): [number[], ...(number | null | undefined)[][]] {
  const xs = [...new Set(list.flatMap((p) => p.t))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, i) => [x, i]));
  const columns = list.map((p) => {
    const column = new Array<number | null | undefined>(xs.length).fill(undefined);
    p.t.forEach((t, i) => {
      column[at.get(t) as number] = p.v[i] ?? null;
    });
    return column;
  });
  return [xs, ...columns];
}

/** Sums columns from the first up; a column's unknown counts as nothing unless all below are unknown too. */
export function stack(columns: readonly (number | null | undefined)[][]): (number | null | undefined)[][] {
  const out: (number | null | undefined)[][] = [];
  columns.forEach((column, k) => {
    const below = out[k - 1];
    out.push(
      column.map((v, i) => {
        const b = below?.[i];
        if (v === null || v === undefined) return b ?? v;
        return v + (b ?? 0);
      }),
    );
  });
  return out;
}

export interface Stats {
  last: number | null;
  min: number | null;
  avg: number | null;
  max: number | null;
}

/** What a legend says about a series. */
export function stats(values: readonly (number | null)[]): Stats {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let n = 0;
  let last: number | null = null;
  for (const v of values) {
    if (v === null || Number.isNaN(v)) continue;
    last = v;
    min = Math.min(min, v);
    max = Math.max(max, v);
    sum += v;
    n += 1;
  }
  return n === 0 ? { last: null, min: null, avg: null, max: null } : { last, min, avg: sum / n, max };
}
