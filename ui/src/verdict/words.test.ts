import i18next, { type TFunction } from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Severity, Verdict } from '../api/types';
import { en } from '../i18n/en';
import { ko } from '../i18n/ko';
import { fires, worst } from './severity';
import { verdictText } from './words';

let say: Record<'en' | 'ko', TFunction>;
beforeAll(async () => {
  await i18next.init({
    lng: 'en',
    resources: { en: { translation: en }, ko: { translation: ko } },
    interpolation: { escapeValue: false },
  });
  say = { en: i18next.getFixedT('en'), ko: i18next.getFixedT('ko') };
});

const NOW = 100_000_000;
const MIB = 1024 * 1024;
const verdict = (code: string, values: Verdict['values'], since_ms = 0, severity: Severity = 'warning'): Verdict => ({
  code,
  severity,
  since_ms,
  values,
});
const both = (v: Verdict) => [verdictText(v, say.en, 'en', NOW), verdictText(v, say.ko, 'ko', NOW)];

describe('verdicts in words', () => {
  it('tells how near memory is, how fast it grows and when it is full', () => {
    const v = verdict(
      'memory_near_limit',
      { needed_share: 0.88, share: 0.99, limit: 64 * MIB, growth_per_second: (3 * MIB) / 60, seconds_to_full: 840 },
      NOW - 20 * 60_000,
    );
    expect(both(v)).toEqual([
      'Memory that cannot be reclaimed is at 88 % of the limit of 64 MiB, growing 3 MiB/min, full in about 14 min (for 20 min)',
      '회수할 수 없는 메모리가 한도 64 MiB의 88 %, 분당 3 MiB 증가, 약 14분 뒤 가득 참 (20분째)',
    ]);
  });
  it('leaves out what is not known', () => {
    const v = verdict('memory_near_limit', { needed_share: 0.97, limit: 64 * MIB, growth_per_second: null });
    expect(both(v)).toEqual([
      'Memory that cannot be reclaimed is at 97 % of the limit of 64 MiB',
      '회수할 수 없는 메모리가 한도 64 MiB의 97 %',
    ]);
  });
  it('tells an OOM kill with limit and exit code', () => {
    const v = verdict('oom_killed', { limit: 64 * MIB, exit_code: 137, kills: 1 }, NOW - 3_600_000, 'critical');
    expect(both(v)).toEqual([
      'Killed by the OOM killer at its memory limit of 64 MiB, exit 137',
      '메모리 한도 64 MiB에 걸려 OOM 킬러가 종료시킴, 종료 코드 137',
    ]);
  });
  it('tells throttling with and without a known limit', () => {
    expect(both(verdict('cpu_throttled', { share: 0.42, limit: 0.5 }))[0]).toBe(
      'CPU throttled 42 % of the time by its limit of 0.50 cores',
    );
    expect(both(verdict('cpu_throttled', { share: 0.42, limit: 0 }))[1]).toBe('전체 시간의 42 % 동안 CPU가 스로틀링됨');
  });
  it('names the signal behind an exit code', () => {
    expect(both(verdict('exited_with_error', { exit_code: 137 }))[0]).toContain('SIGKILL');
    expect(both(verdict('exited_with_error', { exit_code: 2 }))).toEqual(['Ended with exit code 2', '종료 코드 2']);
  });
  it('words every code of the collector in both languages', () => {
    const codes = [
      'memory_near_limit',
      'cpu_throttled',
      'pids_near_limit',
      'io_pressure',
      'unhealthy',
      'no_limit',
      'oom_killed',
      'restart_loop',
      'exited_with_error',
    ];
    for (const code of codes) {
      const [english, korean] = both(
        verdict(code, { share: 0.5, limit: 10, pids: 5, restarts: 3, window_seconds: 600 }),
      );
      expect(english).not.toBe(code.replaceAll('_', ' '));
      expect(english).not.toMatch(/verdict\.|\{\{/);
      expect(korean).toMatch(/[가-힣]/);
    }
  });
  it('still says something about a code that is newer than this page', () => {
    expect(both(verdict('disk_full', {}))[0]).toBe('disk full');
  });
});

describe('fires', () => {
  it('has one for well and five for battle', () => {
    expect(fires('ok')).toBe(1);
    expect(fires('critical')).toBe(5);
  });
  it('takes the worst, whatever the order', () => {
    expect(worst([verdict('a', {}, 0, 'info'), verdict('b', {}, 0, 'error'), verdict('c', {}, 0, 'ok')])).toBe('error');
    expect(worst([])).toBe('ok');
  });
});
