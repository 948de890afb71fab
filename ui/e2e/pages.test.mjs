// The pages in a real browser against a running binary: BONGHWA_URL says where, BONGHWA_ARTEFACTS keeps the pictures.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BASE, drawnCharts, jump, overflow, pages, shot } from './browser.mjs';
import { missingEngine, remove, run } from './engine.mjs';

if (!BASE) throw new Error('BONGHWA_URL must say where the binary listens');
const noEngine = missingEngine();
if (noEngine) console.log(noEngine);
const mark = `ui-e2e-${process.pid}`;
/** The home page with the containers of these tests only: the list draws what is in sight, and others may run here. */
const own = `/?filter=${mark}`;
const { open, withPage } = pages();

before(async () => {
  if (noEngine) return;
  const talk =
    'i=0; while :; do i=$((i+1)); echo line $i of the log; for k in 1 2 3 4 5 6 7 8; do :; done; usleep 50000; done';
  run(`${mark}-worker`, ['--cpus=0.5', '--memory=64m', '--label', 'com.docker.compose.project=ui-shop'], talk);
  run(`${mark}-ended`, ['--memory=32m'], 'sleep 4; exit 3');
});

after(async () => {
  for (const n of ['worker', 'ended', 'late', 'again']) remove(`${mark}-${n}`);
});

const link = (page, name) => page.getByRole('link', { name, exact: true });

test('the containers are on the home page, with numbers that move', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    await page.goto(own);
    const row = page.getByRole('row').filter({ hasText: `${mark}-worker` });
    await row.waitFor();
    await page.waitForFunction(
      (name) =>
        [...document.querySelectorAll('[role=row]')].some(
          (r) => r.textContent.includes(name) && /iB · [<\d]/.test(r.textContent),
        ),
      `${mark}-worker`,
    );
    const first = await row.textContent();
    await page.waitForFunction(
      ([name, before]) =>
        [...document.querySelectorAll('[role=row]')].some(
          (r) => r.textContent.includes(name) && r.textContent !== before,
        ),
      [`${mark}-worker`, first],
    );
    assert.ok((await overflow(page)) <= 0, 'nothing sticks out');
    await shot(page, 'home-light-en');
  });
});

test('a container that starts now appears by itself', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    await page.goto(own);
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-worker` })
      .waitFor();
    run(`${mark}-late`, [], 'sleep 600');
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-late` })
      .waitFor();
  });
});

test('a container that is made anew says what is other than before', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    const name = `${mark}-again`;
    const seen = (id) =>
      page.waitForFunction(async (wanted) => (await fetch(`/api/bonghwa/v1/containers/${wanted}`)).ok, id, {
        polling: 500,
      });
    await page.goto(own);
    await seen(run(name, ['--memory=32m'], 'sleep 600'));
    remove(name);
    const id = run(name, ['--memory=64m', '--restart=on-failure:2'], 'sleep 600');
    await seen(id);
    await page.goto(`/containers/${id}`);
    const panel = page.getByRole('region', { name: 'Compared with the previous run' });
    await panel.waitFor();
    assert.match(await panel.getByRole('row').filter({ hasText: 'Memory limit' }).textContent(), /32 MiB.*64 MiB/);
    assert.match(await panel.getByRole('row').filter({ hasText: 'Restart policy' }).textContent(), /on-failure/);
    assert.equal(await panel.getByRole('row').count(), 3, 'nothing else is other');
    await shot(page, 'container-again-light-en');
    remove(name);
  });
});

test('a thousand containers scroll, and only what is in sight is drawn', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    await page.route(/\/api\/bonghwa\/v1\/live/, async (route) => {
      // What the server lists, its first row repeated under other names.
      const list = await (await page.request.get('/api/bonghwa/v1/containers')).json();
      const [first] = list.rows;
      list.rows = Array.from({ length: 1000 }, (_, n) => ({
        ...first,
        facts: { ...first.facts, id: String(n).padStart(64, '0'), name: `copy-${String(n).padStart(3, '0')}` },
      }));
      await route.fulfill({
        contentType: 'text/event-stream',
        body: `retry: 600000\nevent: rows\ndata: ${JSON.stringify(list)}\n\n`,
      });
    });
    await page.goto('/?group=none&sort=name&dir=asc');
    const table = page.getByRole('table');
    await page.getByRole('row').filter({ hasText: 'copy-' }).first().waitFor();
    assert.ok(Number(await table.getAttribute('aria-rowcount')) > 1000, 'all are counted');
    assert.ok((await page.getByRole('row').count()) < 120, 'few are drawn');
    const before = await page.getByRole('row').nth(1).textContent();
    await table.evaluate((e) => e.scrollTo(0, e.scrollHeight));
    await page.waitForFunction((old) => document.querySelectorAll('[role=row]')[1]?.textContent !== old, before);
    assert.ok((await page.getByRole('row').filter({ hasText: 'copy-' }).count()) > 0, 'the last ones are drawn');
    await shot(page, 'home-thousand-light-en');
  });
});

test('the filter finds, sorting sorts, and the URL holds both', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    await page.goto(own);
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-worker` })
      .waitFor();
    await page.getByPlaceholder('Filter: name, image, label …').fill(`${mark} worker`);
    await page.waitForFunction(() => location.search.includes('filter='));
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-ended` })
      .waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /Memory \/ limit/ }).click();
    await page.waitForFunction(() => location.search.includes('sort=memory'));
    await page.reload();
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-worker` })
      .waitFor();
    assert.equal(
      await page
        .getByRole('row')
        .filter({ hasText: `${mark}-ended` })
        .count(),
      0,
    );
    await page.goBack();
    await page.waitForFunction(() => !location.search.includes('sort=memory'));
  });
});

test('a container page has facts, charts and the live log', { skip: noEngine ?? false }, async () => {
  await withPage({ height: 1400 }, async (page) => {
    await page.goto(`/containers/${mark}-worker?from=now-5m&to=now&log=live`);
    await page.getByRole('heading', { name: `${mark}-worker` }).waitFor();
    await page.getByText('64 MiB').first().waitFor();
    await page
      .getByText(/line \d+ of the log/)
      .first()
      .waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.uplot canvas').length >= 4);
    assert.ok((await drawnCharts(page)) >= 3, 'charts with lines');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: /Resume/ }).waitFor();
    assert.ok((await overflow(page)) <= 0, 'nothing sticks out');
    await shot(page, 'container-light-en', { fullPage: true });
  });
});

test('the page of a container that ended says how, with its last seconds', { skip: noEngine ?? false }, async () => {
  await withPage({ dark: true, locale: 'ko-KR', height: 1200 }, async (page) => {
    await page.goto(`/containers/${mark}-ended`);
    await page.getByRole('heading', { name: `${mark}-ended` }).waitFor();
    await page.getByText('종료 코드 3').first().waitFor();
    await page.getByText('CPU, 마지막 2분, 1초 간격').waitFor();
    await shot(page, 'container-ended-dark-ko', { fullPage: true });
  });
});

test('a container page fits a phone', { skip: noEngine ?? false }, async () => {
  await withPage({ width: 390, height: 844 }, async (page) => {
    await page.goto(`/containers/${mark}-worker`);
    await page.getByRole('heading', { name: `${mark}-worker` }).waitFor();
    await page
      .getByText(/line \d+ of the log/)
      .first()
      .waitFor();
    assert.ok((await overflow(page)) <= 0, 'nothing sticks out');
    await shot(page, 'container-phone', { fullPage: true });
    await page.goto(own);
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-worker` })
      .waitFor();
    assert.ok((await overflow(page)) <= 0, 'nothing sticks out');
    await shot(page, 'home-phone');
  });
});

test('the node page has charts, file systems and pressure on top', async () => {
  await withPage({ height: 2200 }, async (page) => {
    await page.goto('/nodes?from=now-5m&to=now');
    await page.getByText('CPU pressure').waitFor();
    await page.getByRole('heading', { name: 'CPU by mode' }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.uplot canvas').length >= 4);
    assert.ok((await drawnCharts(page)) >= 3, 'charts with lines');
    const headings = await page.locator('h2').allTextContents();
    assert.equal(headings[0], 'Pressure');
    assert.ok((await overflow(page)) <= 0, 'nothing sticks out');
    await shot(page, 'node-light-en', { fullPage: true });
  });
});

test('Explore runs a query, draws it, tables it, and keeps it in the URL', async () => {
  await withPage({}, async (page) => {
    await page.goto('/explore?from=now-5m&to=now');
    const editor = page.getByRole('textbox', { name: 'PromQL query' });
    await editor.click();
    await page.keyboard.type('node_load');
    await page.getByRole('option').filter({ hasText: 'node_load1' }).first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('sum by (mode) (rate(node_cpu_seconds_total[1m]))');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    await page.waitForFunction(() => new URLSearchParams(location.search).get('q')?.includes('node_cpu_seconds_total'));
    await page.getByText(/\d+ series/).waitFor();
    await page.locator('.uplot canvas').waitFor();
    await shot(page, 'explore-graph-light-en');
    await page.getByText('Table', { exact: true }).click();
    await page.getByRole('columnheader', { name: /mode/ }).waitFor();
    await page.getByRole('cell', { name: 'user', exact: true }).waitFor();
    await shot(page, 'explore-table-light-en');
  });
});

test('Explore underlines what it cannot parse', async () => {
  const { page, close } = await open({ dark: true });
  try {
    await page.goto('/explore?q=sum(rate(node_cpu_seconds_total%5B5m%5D)))');
    await page.getByRole('alert').filter({ hasText: 'parse error' }).waitFor();
    await page.locator('.cm-lintRange-error').waitFor();
    await shot(page, 'explore-error-dark-en');
  } finally {
    await close();
  }
});

test('a blank answer says why and names what reads alike', async () => {
  await withPage({}, async (page) => {
    await page.goto('/explore?q=node_loadd1');
    await page.getByText('There is no metric named node_loadd1.').waitFor();
    await link(page, 'node_load1').waitFor();
    await shot(page, 'explore-empty-light-en');
  });
});

test('the status page says version, storage, configuration and targets', async () => {
  await withPage({ dark: true }, async (page) => {
    await page.goto('/status');
    await page.getByText('Version').waitFor();
    await shot(page, 'status-dark-en');
    await page.getByRole('tab', { name: 'Storage' }).click();
    await page.getByText('Data directory').waitFor();
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.getByText('Secrets are hidden.').waitFor();
    await page.goto('/targets');
    await page.waitForFunction(() => location.search.includes('tab=targets'));
  });
});

test('both languages and both schemes, remembered', async () => {
  await withPage({}, async (page) => {
    await page.goto('/');
    await link(page, 'Nodes').waitFor();
    await page.getByTestId('language').click();
    await page.getByRole('menuitem', { name: '한국어' }).click();
    await link(page, '노드').waitFor();
    await page.getByTestId('scheme').click();
    await page.getByRole('menuitem', { name: '어둡게' }).click();
    await page.reload();
    await link(page, '노드').waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme), 'dark');
    await page.waitForTimeout(1500);
    await shot(page, 'home-dark-ko');
    await page.goto('/nodes?from=now-5m&to=now');
    await page.getByText('CPU 압박').waitFor();
    await page.waitForTimeout(1500);
    await shot(page, 'node-dark-ko', { fullPage: true });
    await page.goto('/status');
    await page.getByText('버전').waitFor();
    await shot(page, 'status-dark-ko');
    await page.goto('/explore');
    await page.getByText('이런 질문부터').waitFor();
    await shot(page, 'explore-dark-ko');
  });
});

test('the keyboard reaches every page and every dialog', async () => {
  await withPage({}, async (page) => {
    await page.goto('/status');
    await page.getByText('Version').waitFor();
    for (const [key, path] of [
      ['n', '/nodes'],
      ['s', '/status'],
      ['c', '/'],
    ]) {
      await jump(page, key, path);
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('t');
    await page.getByPlaceholder(/^2h, or/).fill('15m');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search.includes('from=now-15m'));
    await page.keyboard.press('/');
    await page.getByRole('combobox', { name: 'Search or jump' }).fill('explore');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.pathname === '/explore');
  });
});

test('j, Enter and Esc walk the list', { skip: noEngine ?? false }, async () => {
  await withPage({}, async (page) => {
    await page.goto(`/?filter=${mark}-worker`);
    await page
      .getByRole('row')
      .filter({ hasText: `${mark}-worker` })
      .waitFor();
    await page.keyboard.press('j');
    await page.getByRole('complementary', { name: `${mark}-worker` }).waitFor();
    await shot(page, 'home-panel-light-en');
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `${mark}-worker` }).waitFor();
  });
});

test('dragging over a chart zooms, a double click goes back', async () => {
  await withPage({}, async (page) => {
    await page.goto('/explore?q=node_load1&from=now-5m&to=now');
    const over = page.locator('.uplot .u-over');
    await over.waitFor();
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
    await page.mouse.down();
    // To the right edge: a server that just started has only the newest samples.
    await page.mouse.move(box.x + box.width * 0.99, box.y + 60, { steps: 8 });
    await page.mouse.up();
    await page.waitForFunction(() => /from=\d{13}/.test(location.search));
    await over.dblclick({ position: { x: 40, y: 40 } });
    await page.waitForFunction(() => location.search.includes('from=now-5m'));
  });
});

test('bookmarks made for Prometheus open the page that answers the same', async () => {
  await withPage({}, async (page) => {
    await page.goto('/graph?g0.expr=node_load1&g0.tab=1');
    await page.waitForFunction(() => location.pathname === '/explore' && location.search.includes('q=node_load1'));
    await page.goto('/service-discovery');
    await page.waitForFunction(() => location.pathname === '/status' && location.search.includes('tab=discovery'));
    await page.goto('/flags');
    await page.waitForFunction(() => location.pathname === '/status' && location.search.includes('tab=flags'));
    await page.goto('/config');
    await page.waitForFunction(() => location.pathname === '/status' && location.search.includes('tab=config'));
  });
});
