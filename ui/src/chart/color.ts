/** Ten colours that stay apart for colour-blind eyes on both grounds; ember is kept for what burns. */
const LIGHT = [
  '#2f6fb0',
  '#00805c',
  '#8a4fbf',
  '#9a6b00',
  '#0a7f8c',
  '#b03a75',
  '#5a6b1f',
  '#5b5fc7',
  '#7a5138',
  '#5c6670',
];
const DARK = [
  '#6aa9e9',
  '#3fbf93',
  '#b98be6',
  '#d6a645',
  '#4cc3d0',
  '#e57fb1',
  '#a9bd5c',
  '#9a9df0',
  '#c99a7c',
  '#a3adb8',
];

export type Scheme = 'light' | 'dark';

export function palette(scheme: Scheme): readonly string[] {
  return scheme === 'dark' ? DARK : LIGHT;
}

export function colorAt(index: number, scheme: Scheme): string {
  const p = palette(scheme);
  return p[((index % p.length) + p.length) % p.length] ?? '#888888';
}

/** FNV-1a: the same identity always gets the same colour. */
export function identityHash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193) >>> 0;
  }
  return h;
}

/** Colours by identity; a taken colour moves on to the next free one, as long as there are free ones. */
export function colorsFor(keys: readonly string[], scheme: Scheme): Map<string, string> {
  const n = palette(scheme).length;
  const taken = new Set<number>();
  const out = new Map<string, string>();
  for (const key of [...keys].sort()) {
    let i = identityHash(key) % n;
    for (let tries = 0; taken.has(i) && tries < n; tries += 1) i = (i + 1) % n;
    taken.add(i);
    if (taken.size === n) taken.clear();
    out.set(key, colorAt(i, scheme));
  }
  return out;
}
