import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

interface Actions {
  palette: () => void;
  help: () => void;
  time: () => void;
  /** A dialog is open: its own keys only. */
  blocked: boolean;
}

const JUMPS: Record<string, '/' | '/logs' | '/nodes' | '/explore' | '/alerts' | '/rules' | '/cardinality' | '/status'> =
  {
    c: '/',
    l: '/logs',
    n: '/nodes',
    e: '/explore',
    a: '/alerts',
    r: '/rules',
    d: '/cardinality',
    s: '/status',
  };
/** How long `g` waits for the second key, ms. */
const PATIENCE = 1200;

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

/** The keys that work on every page. */
export function useKeys(actions: Actions): void {
  const navigate = useNavigate();
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let g = 0;
    const onKey = (e: KeyboardEvent) => {
      const a = latest.current;
      if (e.key.toLowerCase() === 'k' && (e.ctrlKey || e.metaKey) && !a.blocked) {
        e.preventDefault();
        a.palette();
        return;
      }
      if (a.blocked || e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target)) return;
      const jump = JUMPS[e.key];
      if (g && e.timeStamp - g < PATIENCE && jump) {
        g = 0;
        e.preventDefault();
        void navigate({
          to: jump,
          search: (s: Record<string, string | undefined>) => ({ from: s.from, to: s.to }),
        });
        return;
      }
      g = 0;
      if (e.key === 'g') g = e.timeStamp;
      else if (e.key === '/') run(e, a.palette);
      else if (e.key === '?') run(e, a.help);
      else if (e.key === 't') run(e, a.time);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate]);
}

function run(e: KeyboardEvent, action: () => void) {
  e.preventDefault();
  action();
}
