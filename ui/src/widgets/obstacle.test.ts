import i18next from 'i18next';
import { beforeAll, expect, it } from 'vitest';
import { en } from '../i18n/en';
import { ko } from '../i18n/ko';
import { obstacleText } from './obstacle';

beforeAll(async () => {
  await i18next.init({
    lng: 'ko',
    resources: { en: { translation: en }, ko: { translation: ko } },
    interpolation: { escapeValue: false },
  });
});

const o = (code: string) => ({ code, missing: 'm', costs: 'c', remedy: 'r' });

it('words what it knows, and names what a kind is about', () => {
  expect(obstacleText(o('pressure_off'), i18next).missing).toMatch(/압박/);
  expect(obstacleText(o('host_netdev_failed'), i18next).missing).toContain('netdev');
  expect(obstacleText(o('host_netdev_absent'), i18next).remedy).toBe('r');
});

it('keeps the sentence of the server where there is no other', () => {
  expect(obstacleText(o('brand_new'), i18next)).toEqual({ missing: 'm', costs: 'c', remedy: 'r' });
});
