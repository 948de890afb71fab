import { describe, expect, it } from 'vitest';
import { ago, duration, durationParts, span, utcTime } from './time';

describe('times', () => {
  it('chooses the largest unit that is filled twice', () => {
    expect(durationParts(119_000)).toEqual({ n: 119, unit: 'second' });
    expect(durationParts(120_000)).toEqual({ n: 2, unit: 'minute' });
    expect(durationParts(3 * 3_600_000)).toEqual({ n: 3, unit: 'hour' });
    expect(durationParts(72 * 3_600_000)).toEqual({ n: 3, unit: 'day' });
    expect(durationParts(-5)).toEqual({ n: 0, unit: 'second' });
  });
  it('speaks both languages', () => {
    expect(duration(3 * 3_600_000, 'ko')).toBe('3시간');
    expect(duration(3 * 3_600_000, 'en')).toBe('3 hr');
    expect(ago(1_000, 1_000 + 3 * 3_600_000, 'ko')).toBe('3시간 전');
    expect(ago(1_000, 1_000 + 3 * 3_600_000, 'en')).toBe('3 hr. ago');
  });
  it('says a chosen span exactly', () => {
    expect(span(3_600_000, 'en')).toBe('1 hr');
    expect(span(5_400_000, 'en')).toBe('90 min');
    expect(span(86_400_000, 'ko')).toBe('1일');
    expect(span(37_000, 'en')).toBe('37 sec');
  });
  it('writes UTC for the hover', () => {
    expect(utcTime(Date.UTC(2026, 10, 21, 3, 12, 7))).toBe('2026-11-21 03:12:07 UTC');
  });
});
