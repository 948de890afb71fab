/** A container's page as one HTML file without scripts: to attach to a ticket, to read next year. */
import type { Points } from '../../chart/points';

export interface ExportChart {
  title: string;
  unit: string;
  lines: { label: string; points: Points; dashed: boolean; last: string; max: string }[];
}

export interface ExportPage {
  language: string;
  title: string;
  made: string;
  verdicts: string[];
  facts: [string, string][];
  charts: ExportChart[];
  eventsTitle: string;
  events: [string, string][];
}

const COLORS = ['#2f6fb0', '#00805c', '#9a6b00', '#8a4fbf', '#0a7f8c'];
const W = 720;
const H = 140;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function outline(p: Points, x: (t: number) => number, y: (v: number) => number): string {
  let d = '';
  let pen = false;
  p.t.forEach((t, i) => {
    const v = p.v[i] ?? null;
    if (v === null) {
      pen = false;
      return;
    }
    d += `${pen ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = true;
  });
  return d;
}

function chartSvg(chart: ExportChart): string {
  const t = chart.lines.flatMap((l) => [l.points.t[0], l.points.t.at(-1)]).filter((x) => x !== undefined);
  let top = 0;
  for (const l of chart.lines) for (const v of l.points.v) top = Math.max(top, v ?? 0);
  if (t.length === 0) return '';
  const from = Math.min(...t);
  const span = Math.max(1, Math.max(...t) - from);
  const x = (at: number) => ((at - from) / span) * W;
  const y = (v: number) => H - (top === 0 ? 0 : (v / top) * (H - 4));
  const paths = chart.lines
    .map((l, i) => {
      const color = l.dashed ? '#d2530f' : (COLORS[i % COLORS.length] ?? '#444');
      const dash = l.dashed ? ' stroke-dasharray="6 4"' : '';
      return `<path d="${outline(l.points, x, y)}" fill="none" stroke="${color}" stroke-width="1.4"${dash}/>`;
    })
    .join('');
  const legend = chart.lines
    .map((l, i) => {
      const color = l.dashed ? '#d2530f' : (COLORS[i % COLORS.length] ?? '#444');
      return `<tr><td><b style="color:${color}">&#9644;</b> ${escapeHtml(l.label)}</td><td>${escapeHtml(l.last)}</td><td>${escapeHtml(l.max)}</td></tr>`;
    })
    .join('');
  return (
    `<h2>${escapeHtml(chart.title)} <small>${escapeHtml(chart.unit)}</small></h2>` +
    `<svg viewBox="0 0 ${W} ${H}" width="100%" role="img" aria-label="${escapeHtml(chart.title)}">` +
    `<path d="M0 ${H}H${W}" stroke="#ccc"/>${paths}</svg><table class="l">${legend}</table>`
  );
}

const STYLE =
  'body{font:13px/1.45 system-ui,sans-serif;max-width:760px;margin:24px auto;padding:0 16px;color:#1f1c19;background:#fff;' +
  'font-variant-numeric:tabular-nums}h1{font-size:20px;margin:0}h2{font-size:14px;margin:20px 0 4px}small{color:#655f57;font-weight:400}' +
  'table{border-collapse:collapse}td{padding:1px 16px 1px 0;vertical-align:top;overflow-wrap:anywhere}td:first-child{color:#655f57}' +
  '.l td:first-child{color:inherit}svg{display:block}li{font-weight:600}';

export function exportHtml(page: ExportPage): string {
  const rows = (list: [string, string][]) =>
    list.map(([k, v]) => `<tr><td>${escapeHtml(k)}</td><td>${escapeHtml(v)}</td></tr>`).join('');
  return (
    `<!doctype html><html lang="${escapeHtml(page.language)}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(page.title)}</title>` +
    `<style>${STYLE}</style></head><body><h1>${escapeHtml(page.title)}</h1><small>${escapeHtml(page.made)}</small>` +
    `<ul>${page.verdicts.map((v) => `<li>${escapeHtml(v)}</li>`).join('')}</ul><table>${rows(page.facts)}</table>` +
    page.charts.map(chartSvg).join('') +
    `<h2>${escapeHtml(page.eventsTitle)}</h2><table>${rows(page.events)}</table></body></html>`
  );
}
