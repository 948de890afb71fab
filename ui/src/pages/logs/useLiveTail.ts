import { useEffect, useState } from 'react';
import { nanos, tailAddress, type TailMessage } from '../../api/loki';
import { compareNs, flatten, newestFirst, plusNs, type Entry } from './entries';

export interface LiveTail {
  /** Newest first. */
  entries: readonly Entry[];
  dropped: number;
  state: 'opening' | 'open' | 'lost';
}

const NEW: LiveTail = { entries: [], dropped: 0, state: 'opening' };
const KEPT = 2000;
/** Lines are shown in batches, so that a talkative stream does not hold the page up. */
const FLUSH_MS = 200;
const RETRY_MS = 2000;

/** Follows a query while `enabled`. A connection that breaks goes on behind the last line that came. */
export function useLiveTail(logql: string, enabled: boolean, labels: ReadonlySet<string>): LiveTail {
  const [tail, setTail] = useState<LiveTail>(NEW);
  useEffect(() => {
    setTail(NEW);
    if (!enabled) return;
    let waiting: Entry[] = [];
    let dropped = 0;
    let socket: WebSocket | null = null;
    let retry = 0;
    let from = nanos(Date.now());
    const flush = () => {
      if (waiting.length === 0 && dropped === 0) return;
      const [more, lost] = [waiting, dropped];
      waiting = [];
      dropped = 0;
      setTail((t) => ({ ...t, entries: newestFirst(t.entries, more, KEPT), dropped: t.dropped + lost }));
    };
    const open = () => {
      const opened = new WebSocket(tailAddress(logql, from, 100));
      socket = opened;
      opened.onopen = () => setTail((t) => ({ ...t, state: 'open' }));
      opened.onmessage = (e: MessageEvent<string>) => {
        const message = JSON.parse(e.data) as TailMessage;
        const came = flatten(message.streams ?? [], 'newest', labels.size > 0 ? labels : null);
        const last = came[0]?.ns;
        if (last !== undefined && compareNs(last, from) >= 0) from = plusNs(last, 1);
        dropped += message.dropped_entries?.length ?? 0;
        waiting = newestFirst(waiting, came, KEPT);
      };
      opened.onclose = () => {
        if (socket !== opened) return;
        setTail((t) => ({ ...t, state: 'lost' }));
        retry = window.setTimeout(open, RETRY_MS);
      };
    };
    open();
    const timer = window.setInterval(flush, FLUSH_MS);
    return () => {
      window.clearInterval(timer);
      window.clearTimeout(retry);
      const last = socket;
      socket = null;
      last?.close();
    };
  }, [logql, enabled, labels]);
  return tail;
}
