import { useEffect, useRef, useState } from 'react';
import { openStream, ownPath } from '../../api/client';
import type { LogDropped, LogEnd, LogLine } from '../../api/types';
import { plain } from '../logs/text';
import { appendLines, type ShownLine } from './log';

export interface Tail {
  lines: readonly ShownLine[];
  dropped: number;
  /** Set once the tail has ended: why, or an empty text where the log simply ended. */
  ended: string | null;
  connected: boolean;
}

/** Stands in `ended` where the connection broke for good. */
export const BROKEN = 'broken';
const NEW: Tail = { lines: [], dropped: 0, ended: null, connected: false };
/** Lines are shown in batches, so that a talkative container does not hold the page up. */
const FLUSH_MS = 150;

/** A connection that breaks is opened again after this time, so often. */
const RETRY_MS = 1500;
const RETRIES = 20;

/** Follows a container's log while the panel is on the page. `attempt` starts over. */
export function useLogTail(id: string, attempt: number): Tail {
  const [tail, setTail] = useState<Tail>(NEW);
  const count = useRef(0);
  useEffect(() => {
    setTail(NEW);
    let waiting: ShownLine[] = [];
    // A new connection begins with the backlog again: its first lines take the place of what is shown.
    let fresh = true;
    let tries = 0;
    let retry = 0;
    let source: EventSource | null = null;
    const flush = () => {
      if (waiting.length === 0) return;
      const more = waiting;
      const replace = fresh;
      waiting = [];
      fresh = false;
      setTail((t) => ({ ...t, lines: replace ? appendLines([], more) : appendLines(t.lines, more) }));
    };
    const open = () => {
      const stream = openStream(ownPath(`/containers/${encodeURIComponent(id)}/log`, { backlog: 300 }));
      source = stream;
      stream.onopen = () => setTail((t) => ({ ...t, ended: null, connected: true }));
      stream.addEventListener('line', (e: MessageEvent<string>) => {
        const line = JSON.parse(e.data) as LogLine;
        tries = 0;
        count.current += 1;
        waiting.push({ ...line, text: plain(line.text), n: count.current });
      });
      stream.addEventListener('dropped', (e: MessageEvent<string>) => {
        const { lines } = JSON.parse(e.data) as LogDropped;
        setTail((t) => ({ ...t, dropped: t.dropped + lines }));
      });
      stream.addEventListener('end', (e: MessageEvent<string>) => {
        flush();
        stream.close();
        setTail((t) => ({ ...t, ended: (JSON.parse(e.data) as LogEnd).error ?? '', connected: false }));
      });
      stream.onerror = () => {
        flush();
        stream.close();
        fresh = true;
        tries += 1;
        if (tries <= RETRIES) retry = window.setTimeout(open, RETRY_MS);
        else setTail((t) => ({ ...t, ended: t.ended ?? BROKEN, connected: false }));
      };
    };
    open();
    const timer = window.setInterval(flush, FLUSH_MS);
    return () => {
      window.clearInterval(timer);
      window.clearTimeout(retry);
      source?.close();
    };
  }, [id, attempt]);
  return tail;
}
