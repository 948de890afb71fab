// The page of budgets, against a server whose target has exploded (tests/tests/cardinality.rs).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE, jump, pages, shot } from './browser.mjs';

if (!BASE) throw new Error('BONGHWA_URL must say where the binary listens');
const answer = await fetch(`${BASE}/api/bonghwa/v1/cardinality`);
const { folds } = await answer.json();
const without = folds.length > 0 ? false : 'nothing folds on this server';
const calm = folds.length === 0 ? false : 'labels fold on this server';
const { withPage } = pages({ fits: true });

test('within the budgets the page says so', { skip: calm }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/cardinality');
    await page.getByText('Nothing is folded and nothing is refused').waitFor();
    await page.getByRole('heading', { name: 'Metrics with the most series' }).waitFor();
    await shot(page, 'cardinality-calm-light-en', { fullPage: true });
  });
});

test('a fold names metric, label, source, growth and the rules that use it', { skip: without }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/');
    await jump(page, 'd', '/cardinality');
    let row = page.getByRole('row').filter({ hasText: 'requests_total' });
    for (const text of ['user', 'bomb', 'target over its budget of 300', '/ h']) row = row.filter({ hasText: text });
    await row.waitFor();
    const gauge = page.getByRole('row').filter({ hasText: 'temperature' });
    await gauge.filter({ hasText: 'values do not add up' }).waitFor();
    await page.getByRole('link', { name: 'users / user:requests:rate' }).waitFor();
    await page.getByRole('heading', { name: 'Never asked for' }).waitFor();
    await shot(page, 'cardinality-light-en', { fullPage: true });

    await page.keyboard.press('j');
    assert.ok(await page.evaluate(() => document.activeElement?.hasAttribute('data-row')), 'j goes to the first row');
    await page.keyboard.press('f');
    // All keys at once, faster than the URL follows.
    await page.evaluate(() => {
      for (const key of 'temperature') document.execCommand('insertText', false, key);
    });
    await page.waitForFunction(() => location.search.includes('filter=temperature'));
    assert.equal(await page.evaluate(() => document.activeElement.value), 'temperature');
    await page.getByRole('row').filter({ hasText: 'latency_seconds_bucket' }).first().waitFor({ state: 'detached' });
    await page.goto('/cardinality?filter=no-such-thing');
    await page.getByText('Nothing matches this filter.').first().waitFor();
  });
});

test('the rules page warns', { skip: without }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/rules?filter=user:requests');
    await page.getByText('is folded: values over the budget').waitFor();
  });
});

test('Korean and dark, on a phone, too', { skip: without }, async () => {
  await withPage({ dark: true, locale: 'ko-KR' }, async (page) => {
    await page.goto('/cardinality');
    await page.getByRole('heading', { name: '접힌 레이블과 거부된 시계열' }).waitFor();
    await shot(page, 'cardinality-dark-ko', { fullPage: true });
  });
  await withPage({ width: 390, height: 844 }, async (page) => {
    await page.goto('/cardinality');
    await page.getByRole('heading', { name: 'Folded and refused' }).waitFor();
    await shot(page, 'cardinality-phone-light-en', { fullPage: true });
  });
});

test('unfolding asks once more', { skip: without }, async () => {
  await withPage({}, async (page) => {
    await page.goto('/cardinality?filter=temperature');
    const button = page.getByRole('button', { name: 'Unfold' });
    await button.waitFor();
    const [request] = await Promise.all([
      page.waitForRequest((r) => r.url().includes('/cardinality/release') && r.method() === 'POST'),
      (async () => {
        await button.click();
        await page.getByRole('button', { name: 'Really unfold?' }).click();
      })(),
    ]);
    assert.equal((await request.response()).status(), 200);
  });
});
