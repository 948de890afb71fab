/** Where the crosshair of one chart stands; the legend listens, the page does not re-render. */
export class CursorStore {
  private index: number | null = null;
  private readonly listeners = new Set<() => void>();

  readonly get = (): number | null => this.index;

  readonly set = (index: number | null): void => {
    if (index === this.index) return;
    this.index = index;
    for (const l of this.listeners) l();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}
