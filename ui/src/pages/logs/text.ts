/** Text of lines: colours of terminals taken off, hits found. */

// Colour and cursor codes of terminals: they are for a terminal, not for a page.
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export function plain(text: string): string {
  return text.replace(ANSI, '').replace(/\r/g, '');
}

export interface Needle {
  text: string;
  /** In upper and lower case alike. */
  loose: boolean;
}

/** Pieces of a line, every second of them a hit. Hits that overlap are one. */
export function splitHits(text: string, needles: readonly Needle[]): string[] {
  const spans: [number, number][] = [];
  const lower = text.toLowerCase();
  for (const { text: needle, loose } of needles) {
    if (needle === '') continue;
    // Where lowering changes the length, offsets would not fit: exact hits only.
    const fold = loose && lower.length === text.length;
    const [hay, what] = fold ? [lower, needle.toLowerCase()] : [text, needle];
    for (let at = hay.indexOf(what); at >= 0; at = hay.indexOf(what, at + what.length))
      spans.push([at, at + what.length]);
  }
  if (spans.length === 0) return [text];
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: string[] = [];
  let from = 0;
  let open: [number, number] | null = null;
  const close = () => {
    if (!open) return;
    out.push(text.slice(from, open[0]), text.slice(open[0], open[1]));
    from = open[1];
  };
  for (const span of spans) {
    if (open && span[0] <= open[1]) open = [open[0], Math.max(open[1], span[1])];
    else {
      close();
      open = span;
    }
  }
  close();
  out.push(text.slice(from));
  return out;
}
