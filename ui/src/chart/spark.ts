/** The outline of a sparkline: a line over what is known, and the area under it. Unknown values break it. */
export function sparkPath(
  values: readonly (number | null)[],
  width: number,
  height: number,
  top: number,
): { line: string; area: string } {
  let peak = top;
  for (const v of values) if (v !== null && v > peak) peak = v;
  if (values.length < 2) return { line: '', area: '' };
  const dx = width / (values.length - 1);
  const y = (v: number) => (peak <= 0 ? height - 1 : height - 1 - (v / peak) * (height - 2));
  let line = '';
  let area = '';
  let open: string | null = null;
  values.forEach((v, i) => {
    const x = round(i * dx);
    if (v === null) {
      if (open !== null) area += `L${round((i - 1) * dx)} ${height}Z`;
      open = null;
      return;
    }
    const point = `${x} ${round(y(v))}`;
    line += `${open === null ? 'M' : 'L'}${point}`;
    area += open === null ? `M${x} ${height}L${point}` : `L${point}`;
    open = point;
  });
  if (open !== null) area += `L${width} ${height}Z`;
  return { line, area };
}

function round(v: number): number {
  return Math.round(v * 10) / 10;
}
