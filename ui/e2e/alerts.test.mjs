// The pages of alerts and rules. A server without rule files says so; one with the rules of tests/tests/browser.rs shows
// them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE, jump, pages, shot } from './browser.mjs';

if (!BASE) throw new Error('BONGHWA_URL must say where the binary listens');
const { groups } = (await (await fetch(`${BASE}/api/v1/rules`)).json()).data;
const without = groups.length === 0 ? false : 'this server has rules';
const withRules = groups.length > 0 ? false : 'this server has no rules';
const { withPage } = pages({ fits: true });

test('without rule files both pages say what is missing', { skip: without }, async () => {
  await withPage({}, async (page) => {
    for (const path of ['/alerts', '/rules']) {
      await page.goto(path);
      await page.getByText('the configuration names no rule_files').waitFor();
    }
    await shot(page, 'alerts-empty-light-en');
  });
});

test('alerts: firing first and open, filters and views in the URL', { skip: withRules }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/alerts');
    await page.getByRole('button', { name: /^firing 1$/ }).waitFor();
    const heads = page.locator('[data-row]');
    assert.match(await heads.first().textContent(), /AlwaysFiring/);
    assert.equal(await heads.first().getAttribute('aria-expanded'), 'true');
    await page.getByText('the value is 7').waitFor();
    await shot(page, 'alerts-light-en', { fullPage: true });
    await page.getByRole('button', { name: /^pending 1$/ }).click();
    await page.waitForFunction(() => location.search.includes('state=pending'));
    assert.equal(await heads.count(), 1);
    await page.goBack();
    await page.getByText('By alert', { exact: true }).click();
    await page.waitForFunction(() => location.search.includes('by=alert'));
    await page.getByRole('cell', { name: 'AlwaysFiring' }).waitFor();
    await page.getByRole('textbox', { name: /^Filter/ }).fill('zzz');
    await page.getByText('No rule matches this filter.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('cell', { name: 'AlwaysFiring' }).waitFor();
    await shot(page, 'alerts-flat-light-en', { fullPage: true });
  });
});

test('alerts: keys walk the rules, an expression opens in Explore', { skip: withRules }, async () => {
  await withPage({ dark: true, locale: 'ko-KR' }, async (page) => {
    await page.goto('/alerts');
    await page.locator('[data-row]').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search.includes('open='));
    await page.locator('[data-row][aria-expanded=true]').filter({ hasText: 'AlwaysPending' }).waitFor();
    await shot(page, 'alerts-dark-ko', { fullPage: true });
    await page.getByRole('link', { name: '탐색에서 열기' }).first().click();
    await page.waitForFunction(() => location.pathname === '/explore' && location.search.includes('vector'));
    await page.goto('/status');
    await page.getByRole('tab').first().waitFor();
    await jump(page, 'a', '/alerts');
  });
});

test('rules: groups, health, errors, and only what fails', { skip: withRules }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/rules');
    await page.getByRole('heading', { name: 'examples' }).waitFor();
    await page.getByText('found duplicate series').waitFor();
    await shot(page, 'rules-light-en', { fullPage: true });
    await page.getByRole('button', { name: /^failed 1$/ }).click();
    await page.waitForFunction(() => location.search.includes('health=err'));
    assert.equal(await page.locator('[data-row]').count(), 1);
  });
  await withPage({ dark: true, locale: 'ko-KR', width: 390, height: 844 }, async (page) => {
    await page.goto('/rules');
    await page.getByRole('heading', { name: 'examples' }).waitFor();
    await shot(page, 'rules-phone-dark-ko');
    await page.goto('/alerts');
    await page.locator('[data-row]').first().waitFor();
    await shot(page, 'alerts-phone-dark-ko');
  });
});
