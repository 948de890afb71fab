import { describe, expect, it } from 'vitest';
import { liveSpan, onGrid, parseDuration, parseMoment, parseTyped, rateWindow, resolveRange, stepFor } from './range';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const HOUR = 3_600_000;

describe('durations', () => {
  it('reads what Prometheus reads', () => {
    expect(parseDuration('90s')).toBe(90_000);
    expect(parseDuration('1h30m')).toBe(5_400_000);
    expect(parseDuration(' 2d ')).toBe(2 * 24 * HOUR);
  });
  it.each(['', 'h', '5', '5x', '-5m', '1h-'])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe('moments', () => {
  it('reads now, now-…, milliseconds, seconds and dates', () => {
    expect(parseMoment('now', NOW)).toBe(NOW);
    expect(parseMoment('now - 1h', NOW)).toBe(NOW - HOUR);
    expect(parseMoment(String(NOW), NOW)).toBe(NOW);
    expect(parseMoment(String(NOW / 1000), NOW)).toBe(NOW);
    expect(parseMoment('2026-11-21T12:00:00Z', 0)).toBe(NOW);
    expect(parseMoment('2026-11-21', 0)).toBe(new Date(2026, 10, 21).getTime());
  });
  it.each(['yesterday', 'now-', '12', '2026', '2026-13-40'])('refuses %j', (text) => {
    expect(parseMoment(text, NOW)).toBeNull();
  });
});

describe('ranges', () => {
  it('is live only while its end is the clock', () => {
    expect(resolveRange({ from: 'now-1h', to: 'now' }, NOW)).toEqual({ start: NOW - HOUR, end: NOW, live: true });
    expect(resolveRange({ from: String(NOW - HOUR), to: String(NOW) }, NOW)?.live).toBe(false);
  });
  it('refuses a range that is empty or runs backwards', () => {
    expect(resolveRange({ from: 'now', to: 'now' }, NOW)).toBeNull();
    expect(resolveRange({ from: 'now', to: 'now-1h' }, NOW)).toBeNull();
    expect(resolveRange({ from: 'rubbish', to: 'now' }, NOW)).toBeNull();
  });
  it('takes what a person types', () => {
    expect(parseTyped('45m', NOW)).toEqual({ from: 'now-45m', to: 'now' });
    expect(parseTyped('now-3h', NOW)).toEqual({ from: 'now-3h', to: 'now' });
    const typed = parseTyped('2026-11-21 03:00 .. 2026-11-21 04:00', NOW);
    expect(typed && Number(typed.to) - Number(typed.from)).toBe(HOUR);
    expect(parseTyped('soon', NOW)).toBeNull();
    expect(parseTyped('2026-11-21 04:00 .. 2026-11-21 03:00', NOW)).toBeNull();
  });
  it('takes the short form of the same day', () => {
    const typed = parseTyped('2026-11-21 03:00 .. 04:00', NOW);
    expect(typed && Number(typed.to) - Number(typed.from)).toBe(HOUR);
  });
  it('names the span of a live range', () => {
    expect(liveSpan({ from: 'now-6h', to: 'now' })).toBe('6h');
    expect(liveSpan({ from: '1', to: 'now' })).toBeNull();
  });
});

describe('steps', () => {
  it('is round and not below the floor', () => {
    expect(stepFor({ start: 0, end: HOUR, live: true }, 240, 10_000)).toBe(15_000);
    expect(stepFor({ start: 0, end: 60_000, live: true }, 240, 10_000)).toBe(10_000);
    expect(stepFor({ start: 0, end: 15 * 24 * HOUR, live: true }, 240, 10_000)).toBe(7_200_000);
  });
  it('stays on the grid and never asks for the future', () => {
    const g = onGrid({ start: 12_345, end: 98_765, live: true }, 10_000);
    expect(g).toEqual({ start: 10_000, end: 90_000 });
  });
  it('holds four samples, and the whole step', () => {
    expect(rateWindow(10_000, 10_000)).toBe('40s');
    expect(rateWindow(300_000, 10_000)).toBe('300s');
  });
});
