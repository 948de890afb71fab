/** Lines as a file. */
import type { Entry } from './entries';
import { sourceOf } from './entries';

export const FORMATS = ['txt', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** An RFC 3339 time with all nine digits. */
export function rfc3339(ns: string): string {
  const seconds = new Date(Number(ns.slice(0, -9) || '0') * 1000).toISOString().slice(0, 19);
  return `${seconds}.${ns.slice(-9).padStart(9, '0')}Z`;
}

/** A cell of a CSV file; what a spreadsheet would take for a formula is kept from being one. */
function cell(text: string): string {
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function asText(entries: readonly Entry[], format: Format): string {
  switch (format) {
    case 'txt':
      return entries.map((e) => `${rfc3339(e.ns)} ${sourceOf(e.stream)} ${e.line}\n`).join('');
    case 'json':
      return entries
        .map((e) => {
          const { ns, line, stream, detected, metadata, parsed } = e;
          return `${JSON.stringify({ time: rfc3339(ns), ns, line, stream, fields: { ...detected, ...metadata, ...parsed } })}\n`;
        })
        .join('');
    case 'csv': {
      const names = [
        ...new Set(entries.flatMap((e) => Object.keys({ ...e.detected, ...e.stream, ...e.metadata, ...e.parsed }))),
      ].sort();
      const head = ['time', 'line', ...names].map(cell).join(',');
      const rows = entries.map((e) => {
        const all = { ...e.detected, ...e.stream, ...e.metadata, ...e.parsed };
        return [rfc3339(e.ns), e.line, ...names.map((n) => all[n] ?? '')].map(cell).join(',');
      });
      return `${[head, ...rows].join('\n')}\n`;
    }
  }
}
