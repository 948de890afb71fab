import { useEffect, useRef } from 'react';
import { isTyping } from '../../app/useKeys';
import type { Item } from './rows';

interface Actions {
  items: readonly Item[];
  selected: string | null;
  onSelect: (id: string) => void;
  onClose: () => void;
  onOpen: (id: string) => void;
  onFilter: () => void;
}

/** The row `by` lines away from the selected one; from nowhere, the first or the last. */
export function neighbour(items: readonly Item[], selected: string | null, by: 1 | -1): string | null {
  const ids = items.flatMap((i) => (i.kind === 'row' ? [i.id] : []));
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at < 0) return (by === 1 ? ids[0] : ids.at(-1)) ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null;
}

/** j / k move, Enter opens, Esc closes, f filters. */
export function useListKeys(actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  const pendingG = useRef(0);
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      const a = latest.current;
      if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target) || document.querySelector('[role="dialog"]')) return;
      const afterG = pendingG.current > 0 && e.timeStamp - pendingG.current < 1200;
      pendingG.current = e.key === 'g' ? e.timeStamp : 0;
      if (afterG) return;
      const by = e.key === 'j' || e.key === 'ArrowDown' ? 1 : e.key === 'k' || e.key === 'ArrowUp' ? -1 : null;
      if (by !== null) {
        const next = neighbour(a.items, a.selected, by);
        if (next === null) return;
        e.preventDefault();
        a.onSelect(next);
      } else if (
        e.key === 'Enter' &&
        a.selected &&
        !(e.target instanceof HTMLButtonElement) &&
        !(e.target instanceof HTMLAnchorElement)
      ) {
        a.onOpen(a.selected);
      } else if (e.key === 'Escape' && a.selected) a.onClose();
      else if (e.key === 'f') {
        e.preventDefault();
        a.onFilter();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
