import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { getJson, ownPath } from '../../api/client';
import { liveStore } from '../../api/live';
import type { LivePoint } from '../../api/types';

/** How long the server's ring is, ms; what is older is stored. */
const RING_MS = 600_000;

/** Adds a new second; what is not newer than the last is left out, what is older than the ring is dropped. */
export function appendPoint(ring: readonly LivePoint[], p: LivePoint): readonly LivePoint[] {
  const last = ring.at(-1);
  if (last && p.t <= last.t) return ring;
  const from = p.t - RING_MS;
  const kept = (ring[0]?.t ?? from) < from ? ring.filter((x) => x.t >= from) : ring;
  return [...kept, p];
}

/** The last ten minutes at 1 s: the server's ring once, then every second from the stream. */
export function useRing(id: string): readonly LivePoint[] {
  const first = useQuery({
    queryKey: ['ring', id],
    queryFn: ({ signal }) =>
      getJson<{ points: LivePoint[] }>(ownPath(`/containers/${encodeURIComponent(id)}/live`), { signal }).then(
        (r) => r.points,
      ),
    enabled: id !== '',
    staleTime: 0,
    gcTime: 0,
    refetchOnReconnect: true,
  });
  const [ring, setRing] = useState<readonly LivePoint[]>([]);
  useEffect(() => {
    if (first.data) setRing((now) => now.reduce(appendPoint, first.data as readonly LivePoint[]));
  }, [first.data]);
  useEffect(
    () =>
      liveStore.onPoint((of, p) => {
        if (of === id) setRing((now) => appendPoint(now, p));
      }),
    [id],
  );
  return ring;
}
