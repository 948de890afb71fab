import type uPlot from 'uplot';
import type { Mark } from './plot';

const SVG = 'http://www.w3.org/2000/svg';
/** One shape a kind: up triangle, cross, flame, plus, dot. */
const SHAPES: Record<Mark['kind'], { d: string; color: string; filled: boolean }> = {
  start: { d: 'M1.5 9.5 5.5 2l4 7.500z', color: 'var(--bw-ok)', filled: true },
  die: { d: 'M2 2l7 7M9 2 2 9', color: 'var(--bw-bad)', filled: false },
  oom: {
    d: 'M5.5 0c.5 2.2-3.2 3.6-3.2 6.9 0 2.1 1.4 3.6 3.2 3.600s3.2-1.5 3.2-3.600c0-1.3-.7-2.2-1.3-3-.2.9-.6 1.3-1.1 1.5.6-2 .4-4.1-.8-5.400z',
    color: 'var(--bw-ember-fill)',
    filled: true,
  },
  health: { d: 'M5.5 1.500v8M1.5 5.500h8', color: 'var(--bw-info)', filled: false },
  other: { d: 'M5.5 3.500a2 2 0 1 0 .01 0z', color: 'var(--bw-muted)', filled: true },
};

/** Draws the event marks over a plot: a shape at the top, a rule down to the axis. */
export function placeMarks(
  layer: HTMLElement,
  u: uPlot,
  marks: readonly Mark[],
  css: { mark: string; rule: string; ruleBad: string },
): void {
  const nodes: Node[] = [];
  const left = u.over.offsetLeft;
  const { width, height } = u.over.getBoundingClientRect();
  for (const m of marks) {
    const x = u.valToPos(m.t / 1000, 'x');
    if (!(x >= 0 && x <= width)) continue;
    const rule = document.createElement('div');
    rule.className = m.kind === 'die' || m.kind === 'oom' ? `${css.rule} ${css.ruleBad}` : css.rule;
    rule.style.left = `${left + x}px`;
    rule.style.top = `${u.over.offsetTop}px`;
    rule.style.height = `${height}px`;
    const mark = document.createElement('div');
    mark.className = css.mark;
    mark.title = m.title;
    mark.style.left = `${left + x}px`;
    mark.style.top = '0px';
    mark.appendChild(glyph(m.kind));
    nodes.push(rule, mark);
  }
  layer.replaceChildren(...nodes);
}

function glyph(kind: Mark['kind']): SVGElement {
  const { d, color, filled } = SHAPES[kind];
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 11 11');
  svg.setAttribute('width', '11');
  svg.setAttribute('height', '11');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', d);
  path.style.fill = filled ? color : 'none';
  path.style.stroke = filled ? 'none' : color;
  path.setAttribute('stroke-width', '1.8');
  svg.appendChild(path);
  return svg;
}
