import { describe, expect, it } from 'vitest';
import { bytes, digits, format, percent, UNKNOWN, unitOfMetric } from './units';

describe('numbers with units', () => {
  it('writes three significant digits', () => {
    expect(digits(0)).toBe('0');
    expect(digits(1234.5)).toBe('1235');
    expect(digits(12.345)).toBe('12.3');
    expect(digits(1.2345)).toBe('1.23');
    expect(digits(0.00123)).toBe('0.0012');
  });
  it('scales bytes by 1024 and names the step', () => {
    expect(bytes(0)).toBe('0 B');
    expect(bytes(1023)).toBe('1023 B');
    expect(bytes(1024)).toBe('1 KiB');
    expect(bytes(64 * 1024 * 1024)).toBe('64 MiB');
    expect(bytes(1.5 * 1024 ** 3)).toBe('1.5 GiB');
  });
  it('never says 1024 of a step', () => {
    expect(bytes(1024 * 1024 - 1)).toBe('1 MiB');
  });
  it('says where a number is not known', () => {
    expect(format(null, 'bytes')).toBe(UNKNOWN);
    expect(format(undefined, 'ratio')).toBe(UNKNOWN);
    expect(format(NaN, 'cores')).toBe(UNKNOWN);
    expect(format(Infinity, 'none')).toBe('+∞');
  });
  it('keeps small shares apart from nothing', () => {
    expect(percent(0)).toBe('0 %');
    expect(percent(0.0004)).toBe('<0.1 %');
    expect(percent(0.0123)).toBe('1.2 %');
    expect(percent(0.876)).toBe('88 %');
  });
  it('writes seconds in the unit one would say', () => {
    expect(format(0.0000123, 'seconds')).toBe('12.3 µs');
    expect(format(0.25, 'seconds')).toBe('250 ms');
    expect(format(90, 'seconds')).toBe('90 s');
    expect(format(7200, 'seconds')).toBe('2 h');
  });
  it('reads the unit from a metric name', () => {
    expect(unitOfMetric('container_memory_rss', false)).toBe('none');
    expect(unitOfMetric('node_memory_MemFree_bytes', false)).toBe('bytes');
    expect(unitOfMetric('container_network_receive_bytes_total', true)).toBe('bytesPerSecond');
    expect(unitOfMetric('container_cpu_usage_seconds_total', true)).toBe('none');
    expect(unitOfMetric('http_requests_total', true)).toBe('perSecond');
  });
});
