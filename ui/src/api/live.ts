import { openStream, ownPath } from './client';
import type { ContainerList, ContainerRow, LivePoint, LiveTick } from './types';

export interface LiveState {
  rows: ReadonlyMap<string, ContainerRow>;
  node: string;
  /** Whether the first rows have come. */
  loaded: boolean;
  /** Whether the stream stands right now. */
  connected: boolean;
  /** The server's clock at the newest message, ms. */
  nowMs: number;
}

const EMPTY: LiveState = { rows: new Map(), node: '', loaded: false, connected: false, nowMs: 0 };

/** Takes over the new second of every container that has one; rows without one stay the same objects. */
export function applyTick(rows: ReadonlyMap<string, ContainerRow>, tick: LiveTick): Map<string, ContainerRow> {
  const next = new Map(rows);
  for (const { id, live } of tick.rows) {
    const row = next.get(id);
    if (row) next.set(id, { ...row, live });
  }
  return next;
}

/** How long the stream may be away before the page says so, ms: the browser mostly finds back by itself. */
const PATIENCE_MS = 3000;

/** Every container of the house, one stream for the whole page, open while somebody looks. */
class LiveStore {
  private lostTimer = 0;
  private state: LiveState = EMPTY;
  private readonly listeners = new Set<() => void>();
  private readonly points = new Set<(id: string, p: LivePoint) => void>();
  private source: EventSource | null = null;

  readonly get = (): LiveState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.open();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.close();
    };
  };

  /** Every new second as it comes. */
  onPoint(listener: (id: string, p: LivePoint) => void): () => void {
    this.points.add(listener);
    return () => this.points.delete(listener);
  }

  private open() {
    const source = openStream(ownPath('/live', { gone: true }));
    this.source = source;
    source.addEventListener('rows', (e: MessageEvent<string>) => {
      const list = JSON.parse(e.data) as ContainerList;
      const rows = new Map(list.rows.map((r) => [r.facts.id, r]));
      this.set({ rows, node: list.node, loaded: true, connected: true, nowMs: list.now_ms });
    });
    source.addEventListener('tick', (e: MessageEvent<string>) => {
      const tick = JSON.parse(e.data) as LiveTick;
      this.set({ ...this.state, rows: applyTick(this.state.rows, tick), connected: true, nowMs: tick.now_ms });
      for (const { id, live } of tick.rows) for (const p of this.points) p(id, live);
    });
    source.onerror = () => {
      if (this.lostTimer === 0)
        this.lostTimer = window.setTimeout(() => this.set({ ...this.state, connected: false }), PATIENCE_MS);
      // A refused stream (no token yet, a proxy in between) stays closed: try again, slowly.
      if (source.readyState === EventSource.CLOSED && this.source === source) {
        this.source = null;
        window.setTimeout(() => {
          if (this.listeners.size > 0 && this.source === null) this.open();
        }, 3000);
      }
    };
  }

  private close() {
    this.source?.close();
    this.source = null;
  }

  /** Opens the stream anew, with the token that is known now. */
  reopen() {
    this.close();
    if (this.listeners.size > 0) this.open();
  }

  private set(next: LiveState) {
    if (next.connected) {
      window.clearTimeout(this.lostTimer);
      this.lostTimer = 0;
    }
    this.state = next;
    for (const l of this.listeners) l();
  }
}

export const liveStore = new LiveStore();
