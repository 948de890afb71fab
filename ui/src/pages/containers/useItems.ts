import { useEffect, useMemo, useRef, useState } from 'react';
import type { ContainerRow } from '../../api/types';
import { itemsOf, type Item, type Wish } from './rows';

/** How often numbers that move may change the order, ms; rows do not jump under the pointer. */
const SETTLE_MS = 3000;

/** What changes the order at once: containers, their states and verdicts, and what the viewer chose. */
function outline(rows: ReadonlyMap<string, ContainerRow>, wish: Omit<Wish, 'now'>): string {
  const parts: string[] = [
    wish.filter,
    wish.sort,
    String(wish.down),
    wish.group,
    [...wish.closed].join(),
    String(wish.showGone),
  ];
  for (const r of rows.values()) {
    parts.push(
      `${r.facts.id.slice(0, 16)}${r.facts.state}${r.facts.removed_ms}`,
      ...r.verdicts.map((v) => v.code + v.severity),
    );
  }
  return parts.join('|');
}

export function useItems(rows: ReadonlyMap<string, ContainerRow>, wish: Omit<Wish, 'now'>, held: boolean): Item[] {
  const [beat, setBeat] = useState(0);
  const holding = useRef(held);
  holding.current = held;
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!holding.current) setBeat((b) => b + 1);
    }, SETTLE_MS);
    return () => window.clearInterval(timer);
  }, []);
  const shape = outline(rows, wish);
  // `shape` and `beat` stand for the rows: their numbers alone must not reorder the list.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  return useMemo(() => itemsOf(rows.values(), { ...wish, now: Date.now() }), [shape, beat]);
}
