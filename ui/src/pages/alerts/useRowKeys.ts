import { useEffect, type RefObject } from 'react';
import { isTyping } from '../../app/useKeys';

/** j / k move the focus from row to row (`data-row`), f goes to the filter. Enter opens: rows are buttons. */
export function useRowKeys(filter: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    let g = 0;
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target) || document.querySelector('[role="dialog"]')) return;
      const afterG = g > 0 && e.timeStamp - g < 1200;
      g = e.key === 'g' ? e.timeStamp : 0;
      if (afterG) return;
      const by = e.key === 'j' ? 1 : e.key === 'k' ? -1 : 0;
      if (by !== 0) {
        const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
        const at = rows.findIndex((row) => row === document.activeElement);
        const next = at < 0 ? (by === 1 ? rows[0] : rows.at(-1)) : rows[at + by];
        next?.focus();
        next?.scrollIntoView({ block: 'nearest' });
        if (next) e.preventDefault();
      } else if (e.key === 'f') {
        e.preventDefault();
        filter.current?.focus();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [filter]);
}
