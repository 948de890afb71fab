import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { DEFAULT_RANGE, resolveRange, type Range, type RangeText } from './range';

/** Ranges that a zoom came from, so that a double click finds back. One page, one stack. */
const before: RangeText[] = [];

export interface PageRange {
  text: RangeText;
  live: boolean;
  /** The range at this moment; a live one has moved on the next time this is called. */
  now: () => Range;
  set: (text: RangeText) => void;
  zoom: (start: number, end: number) => void;
  back: () => void;
}

/** The time range of the page, kept in the URL. */
export function useRange(): PageRange {
  const search = useSearch({ strict: false }) as { from?: string; to?: string };
  const navigate = useNavigate();
  const { from, to } = search;
  const text = useMemo<RangeText>(() => {
    const asked = { from: from ?? DEFAULT_RANGE.from, to: to ?? DEFAULT_RANGE.to };
    return resolveRange(asked, Date.now()) ? asked : DEFAULT_RANGE;
  }, [from, to]);
  const set = useCallback(
    (next: RangeText) => {
      const bare = next.from === DEFAULT_RANGE.from && next.to === DEFAULT_RANGE.to;
      void navigate({
        to: '.',
        search: (s: Record<string, string | undefined>) => ({
          ...s,
          from: bare ? undefined : next.from,
          to: bare ? undefined : next.to,
        }),
        resetScroll: false,
      });
    },
    [navigate],
  );
  const zoom = useCallback(
    (start: number, end: number) => {
      if (end - start < 1000) return;
      before.push(text);
      if (before.length > 50) before.shift();
      set({ from: String(start), to: String(end) });
    },
    [set, text],
  );
  const back = useCallback(() => set(before.pop() ?? DEFAULT_RANGE), [set]);
  const now = useCallback(() => {
    const at = Date.now();
    return resolveRange(text, at) ?? { start: at - 3_600_000, end: at, live: true };
  }, [text]);
  return useMemo(() => ({ text, live: now().live, now, set, zoom, back }), [text, now, set, zoom, back]);
}
