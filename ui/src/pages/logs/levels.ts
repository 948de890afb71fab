/** Levels of lines: six, and none. */
import type { LabelSet } from '../../api/prometheus';
import type { Scheme } from '../../chart/color';

/** The worst first. */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];

const NAMES: Record<string, Level> = {
  critical: 'fatal',
  crit: 'fatal',
  emerg: 'fatal',
  alert: 'fatal',
  panic: 'fatal',
  err: 'error',
  eror: 'error',
  warning: 'warn',
  notice: 'info',
  information: 'info',
  dbg: 'debug',
};

/** `ERROR`, `error` and `err` are one level. */
export function levelOf(text: string | undefined): Level {
  const name = (text ?? '').toLowerCase();
  return LEVELS.find((l) => l === name) ?? NAMES[name] ?? 'unknown';
}

/** The level among the fields of a line. */
export function levelIn(fields: LabelSet): Level {
  return levelOf(fields.detected_level ?? fields.level ?? fields.severity);
}

const COLORS: Record<Scheme, Record<Level, string>> = {
  light: {
    fatal: '#7b1e7a',
    error: '#c0362c',
    warn: '#c98f00',
    info: '#2f6fb0',
    debug: '#4d8f7c',
    trace: '#8a8f98',
    unknown: '#b5ada3',
  },
  dark: {
    fatal: '#d78be0',
    error: '#f2847a',
    warn: '#e0aa3e',
    info: '#6aa9e9',
    debug: '#5fb79d',
    trace: '#8b929b',
    unknown: '#6a635b',
  },
};

/** For areas: bars, edges. */
export function levelColor(level: Level, scheme: Scheme): string {
  return COLORS[scheme][level];
}

/** On light ground, words need more contrast than areas. */
const INK: Partial<Record<Level, string>> = { warn: '#8a5a00', debug: '#2b7862', trace: '#6b7079', unknown: '#655f57' };

/** For words. */
export function levelInk(level: Level, scheme: Scheme): string {
  return (scheme === 'light' ? INK[level] : undefined) ?? COLORS[scheme][level];
}
