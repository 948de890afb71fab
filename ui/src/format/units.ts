/** How a number is written. `bytes` and `bytesPerSecond` are binary (KiB), the rest is decimal. */
export type Unit =
  'bytes' | 'bytesPerSecond' | 'cores' | 'ratio' | 'seconds' | 'count' | 'perSecond' | 'celsius' | 'hertz' | 'none';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL = ['', 'k', 'M', 'G', 'T'];
/** What stands where a number is not known. */
export const UNKNOWN = '–';

/** Three significant digits, without a tail of zeros. */
export function digits(v: number): string {
  const a = Math.abs(v);
  if (a === 0) return '0';
  if (a >= 100) return String(Math.round(v));
  if (a >= 10) return String(Math.round(v * 10) / 10);
  if (a >= 0.01) return String(Math.round(v * 100) / 100);
  return Number(v.toPrecision(2)).toString();
}

function scaled(v: number, base: number, names: readonly string[]): string {
  let i = 0;
  let x = v;
  while (Math.abs(x) >= base * 0.9995 && i < names.length - 1) {
    x /= base;
    i += 1;
  }
  const name = names[i] ?? '';
  return name ? `${digits(x)} ${name}` : digits(x);
}

export function bytes(v: number): string {
  return scaled(Math.abs(v) < 1 ? Math.round(v) : v, 1024, BINARY);
}

export function percent(ratio: number): string {
  const p = ratio * 100;
  if (p !== 0 && Math.abs(p) < 0.1) return '<0.1 %';
  return `${Math.abs(p) < 10 ? Math.round(p * 10) / 10 : Math.round(p)} %`;
}

function seconds(v: number): string {
  const a = Math.abs(v);
  if (a === 0) return '0 s';
  if (a < 1e-3) return `${digits(v * 1e6)} µs`;
  if (a < 1) return `${digits(v * 1e3)} ms`;
  if (a < 120) return `${digits(v)} s`;
  if (a < 7200) return `${digits(v / 60)} min`;
  if (a < 172_800) return `${digits(v / 3600)} h`;
  return `${digits(v / 86_400)} d`;
}

/** A number with its unit, short enough for a table cell. */
export function format(v: number | null | undefined, unit: Unit): string {
  if (v === null || v === undefined || Number.isNaN(v)) return UNKNOWN;
  if (v === Infinity) return '+∞';
  if (v === -Infinity) return '−∞';
  switch (unit) {
    case 'bytes':
      return bytes(v);
    case 'bytesPerSecond':
      return `${bytes(v)}/s`;
    case 'cores':
      return Math.abs(v) < 0.0005 ? '0' : Math.abs(v) < 0.1 ? v.toFixed(3) : v.toFixed(2);
    case 'ratio':
      return percent(v);
    case 'seconds':
      return seconds(v);
    case 'perSecond':
      return `${scaled(v, 1000, DECIMAL)}/s`;
    case 'celsius':
      return `${digits(v)} °C`;
    case 'hertz':
      return `${scaled(v, 1000, DECIMAL)}${Math.abs(v) >= 1000 ? '' : ' '}Hz`;
    case 'count':
      return scaled(v, 1000, DECIMAL);
    case 'none':
      return Math.abs(v) >= 1e15 || (v !== 0 && Math.abs(v) < 1e-4) ? v.toExponential(2) : digits(v);
  }
}

/** The unit a metric's name promises by its suffix; a rate of it is per second. */
export function unitOfMetric(name: string, isRate: boolean): Unit {
  const base = name.replace(/_(total|sum)$/, '');
  if (/_bytes$/.test(base)) return isRate ? 'bytesPerSecond' : 'bytes';
  if (/_seconds$/.test(base)) return isRate ? 'none' : 'seconds';
  if (/_ratio$/.test(base)) return 'ratio';
  if (/_celsius$/.test(base)) return 'celsius';
  if (/_hertz$/.test(base)) return 'hertz';
  return isRate ? 'perSecond' : 'none';
}

/** The step between axis marks for values in `unit`, so that marks fall on round numbers of that unit. */
export function tickBase(unit: Unit): 2 | 10 {
  return unit === 'bytes' || unit === 'bytesPerSecond' ? 2 : 10;
}
