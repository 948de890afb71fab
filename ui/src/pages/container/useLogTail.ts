import { useEffect, useRef, useState } from 'react';
import { openStream, ownPath } from '../../api/client';
import type { LogDropped, LogEnd, LogLine } from '../../api/types';
import { appendLines, plain, type ShownLine } from './log';

export interface Tail {
  lines: readonly ShownLine[];
  dropped: number;
  /** Set once the tail has ended: why, or an empty text where the log simply ended. */
  ended: string | null;
  connected: boolean;
}

const NEW: Tail = { lines: [], dropped: 0, ended: null, connected: false };
/** Lines are shown in batches, so that a talkative container does not hold the page up. */
const FLUSH_MS = 150;

/** Follows a container's log while the panel is on the page. `attempt` starts over. */
export function useLogTail(id: string, attempt: number): Tail {
  const [tail, setTail] = useState<Tail>(NEW);
  const count = useRef(0);
  useEffect(() => {
    setTail(NEW);
    let waiting: ShownLine[] = [];
    const source = openStream(ownPath(`/containers/${encodeURIComponent(id)}/log`, { backlog: 300 }));
    const flush = () => {
      if (waiting.length === 0) return;
      const more = waiting;
      waiting = [];
      setTail((t) => ({ ...t, lines: appendLines(t.lines, more) }));
    };
    const timer = window.setInterval(flush, FLUSH_MS);
    source.onopen = () => setTail((t) => ({ ...t, connected: true }));
    source.addEventListener('line', (e: MessageEvent<string>) => {
      const line = JSON.parse(e.data) as LogLine;
      count.current += 1;
      waiting.push({ ...line, text: plain(line.text), n: count.current });
    });
    source.addEventListener('dropped', (e: MessageEvent<string>) => {
      const { lines } = JSON.parse(e.data) as LogDropped;
      setTail((t) => ({ ...t, dropped: t.dropped + lines }));
    });
    source.addEventListener('end', (e: MessageEvent<string>) => {
      flush();
      source.close();
      setTail((t) => ({ ...t, ended: (JSON.parse(e.data) as LogEnd).error ?? '', connected: false }));
    });
    source.onerror = () => {
      // The browser would reconnect and repeat the backlog: say that it broke and let the viewer start again.
      flush();
      source.close();
      setTail((t) => ({ ...t, ended: t.ended ?? 'broken', connected: false }));
    };
    return () => {
      window.clearInterval(timer);
      source.close();
    };
  }, [id, attempt]);
  return tail;
}
