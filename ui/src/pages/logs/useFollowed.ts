import { useEffect, useMemo, useState } from 'react';
import { joined, type Entry } from './entries';
import type { LiveTail } from './useLiveTail';

/**
 * Stored lines, and while somebody follows, the new ones above them. Who has scrolled away is not moved: what comes waits
 * behind a button.
 */
export function useFollowed(stored: readonly Entry[], tail: LiveTail | null) {
  const [held, setHeld] = useState<readonly Entry[] | null>(null);
  const following = tail !== null;
  useEffect(() => setHeld(null), [following]);
  const fresh = tail?.entries;
  const shown = held ?? fresh;
  const all = useMemo(() => (shown && shown.length > 0 ? joined(shown, stored) : stored), [shown, stored]);
  const waiting = held && fresh ? newSince(fresh, held) : 0;
  const onTop = (top: boolean) => {
    if (!following) return;
    if (top && held) setHeld(null);
    if (!top && !held) setHeld(fresh ?? []);
  };
  return { all, waiting, onTop, release: () => setHeld(null) };
}

/** How many lines came before the first one of `held`. */
export function newSince(fresh: readonly Entry[], held: readonly Entry[]): number {
  const first = held[0]?.id;
  const at = first === undefined ? fresh.length : fresh.findIndex((e) => e.id === first);
  return at < 0 ? fresh.length : at;
}
