import { useEffect, useRef } from 'react';
import { isTyping } from '../../app/useKeys';

interface Actions {
  ids: readonly string[];
  selected: string | null;
  onSelect: (id: string | null) => void;
  onBox: () => void;
}

/** The line `by` away from the selected one; from nowhere, the first or the last. */
export function neighbour(ids: readonly string[], selected: string | null, by: 1 | -1): string | null {
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at < 0) return (by === 1 ? ids[0] : ids.at(-1)) ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null;
}

/** j / k walk the lines, Esc closes the panel, f goes to the box. */
export function useLogKeys(actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let g = 0;
    const onKey = (e: KeyboardEvent) => {
      const a = latest.current;
      if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target) || document.querySelector('[role="dialog"]')) return;
      const afterG = g > 0 && e.timeStamp - g < 1200;
      g = e.key === 'g' ? e.timeStamp : 0;
      if (afterG) return;
      const by = e.key === 'j' ? 1 : e.key === 'k' ? -1 : null;
      if (by !== null) {
        const next = neighbour(a.ids, a.selected, by);
        if (next === null) return;
        e.preventDefault();
        a.onSelect(next);
      } else if (e.key === 'Escape' && a.selected !== null) a.onSelect(null);
      else if (e.key === 'f') {
        e.preventDefault();
        a.onBox();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
