// A browser for the tests: Debian's Chromium, one page that remembers what went wrong on it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

export const BASE = process.env.BONGHWA_URL;
const ARTEFACTS = process.env.BONGHWA_ARTEFACTS ?? new URL('../test-results', import.meta.url).pathname;
mkdirSync(ARTEFACTS, { recursive: true });

async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A fresh page (nothing remembered), and the errors that its console and its scripts reported. */
async function openPage(browser, { width = 1440, height = 900, dark = false, locale = 'en-US' } = {}) {
  const context = await browser.newContext({
    baseURL: BASE,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale,
  });
  // A bound on a broken run, not a promise of speed: machines that test are busy.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const errors = [];
  page.on('console', (m) => {
    // A container that starts or ends changes the machine's network interfaces, on which Chromium drops its connections;
    // the page finds back by itself.
    if (m.type() === 'error' && !m.text().includes('ERR_NETWORK_CHANGED')) errors.push(m.text());
  });
  page.on('pageerror', (e) => errors.push(e.message));
  return { page, errors, close: () => context.close() };
}

/**
 * One browser for the tests of a file: `open` gives a page of it, `withPage` one for a test. Afterwards nothing may stand
 * in the console and, where `fits` is set, nothing may stick out.
 */
export function pages({ fits = false } = {}) {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
  });
  const open = (options) => openPage(browser, options);
  const withPage = async (options, body) => {
    const opened = await open(options);
    try {
      await body(opened.page);
      assert.deepEqual(opened.errors, [], 'nothing in the console');
      if (fits) assert.ok((await overflow(opened.page)) <= 0, 'nothing sticks out');
    } catch (e) {
      await shot(opened.page, `failed-${Date.now()}`);
      console.log(`failed at ${opened.page.url()}`, opened.errors);
      throw e;
    } finally {
      await opened.close();
    }
  };
  return { open, withPage };
}

export async function shot(page, name, options = {}) {
  await page.screenshot({ path: join(ARTEFACTS, `${name}.png`), ...options });
}

/**
 * `g` and a key, until the page is another one: keys that come before the page listens, or too far apart on a busy
 * machine, do nothing.
 */
export async function jump(page, key, path) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    // The page of one node stands in the place of a list of one.
    const there = page.waitForFunction(
      (p) => location.pathname === p || (p !== '/' && location.pathname.startsWith(`${p}/`)),
      path,
      { timeout: 1500 },
    );
    if (await there.catch(() => null)) return;
    if (Date.now() > deadline) throw new Error(`g ${key} does not lead to ${path}`);
  }
}

/** How far the page is wider than the window, px: more than nothing means that something sticks out. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** How many charts have drawn something other than their grid: a canvas with several colours. */
export function drawnCharts(page) {
  return page.evaluate(() => {
    let n = 0;
    for (const canvas of document.querySelectorAll('.uplot canvas')) {
      const { width, height } = canvas;
      if (width === 0 || height === 0) continue;
      const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
      const seen = new Set();
      for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i + 3] < 200) continue;
        const [r, g, b] = [pixels[i], pixels[i + 1], pixels[i + 2]];
        // Grey is grid and text; lines have a hue.
        if (Math.max(r, g, b) - Math.min(r, g, b) > 40) seen.add(`${r >> 5}.${g >> 5}.${b >> 5}`);
      }
      if (seen.size > 0) n += 1;
    }
    return n;
  });
}
