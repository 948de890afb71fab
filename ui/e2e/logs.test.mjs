// The Logs page against a running binary, with lines that the test pushes itself.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { BASE, jump, pages, shot } from './browser.mjs';
import { missingEngine, remove, run } from './engine.mjs';

if (!BASE) throw new Error('BONGHWA_URL must say where the binary listens');
const { withPage } = pages({ fits: true });
const mark = `logs-e2e-${process.pid}`;

async function push(service, lines) {
  const body = { streams: [{ stream: { container: `${mark}-${service}`, app: mark }, values: lines }] };
  const answer = await fetch(`${BASE}/loki/api/v1/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `push: ${answer.status} ${await answer.text()}`);
}

/** Nanoseconds, `ago` seconds before now. */
const ns = (ago, n = 0) =>
  `${BigInt(Date.now()) * 1_000_000n - BigInt(Math.round(ago * 1000)) * 1_000_000n + BigInt(n)}`;

before(async () => {
  const api = Array.from({ length: 1500 }, (_, i) => [
    ns(1500 - i, i),
    i % 50 === 7
      ? `level=error msg="upstream timed out" order=${i} took=${i}ms`
      : `level=info msg="order placed" order=${i} took=${i % 90}ms`,
    // Said by the sender, as an agent does, so that it does not hang on what is detected here.
    { detected_level: i % 50 === 7 ? 'error' : 'info' },
  ]);
  const pay = Array.from({ length: 300 }, (_, i) => [
    ns(1400 - i * 4),
    i % 3 === 0
      ? `WARN 결제 승인 실패 주문번호=${i} 사유=한도초과`
      : `{"level":"debug","msg":"ping","user":"u${i % 5}","n":${i}}`,
  ]);
  await push('api', api);
  await push('결제', pay);
});

const rows = (page) => page.getByRole('listbox', { name: /Log lines|로그 목록/ }).getByRole('option');
const own = (text = '', more = '') => `/logs?q=${encodeURIComponent(`app:${mark} ${text}`.trim())}${more}`;

test('logs: words and fields find lines, and say their LogQL', async () => {
  await withPage({}, async (page) => {
    await page.goto(own());
    await rows(page).first().waitFor();
    await page.getByText('1800 lines').waitFor();
    assert.ok((await rows(page).count()) < 120, 'only what is in sight is drawn');
    await shot(page, 'logs-light-en');
    const box = page.getByRole('textbox', { name: 'Search the logs' });
    await box.click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type(' "timed out"');
    await page.keyboard.press('Control+Enter');
    await page.waitForFunction(() => location.search.includes('timed'));
    await page.getByText('30 lines').waitFor();
    assert.match(await page.getByTestId('logql').textContent(), /^\{app="logs-e2e-\d+"\} \|= "timed out"$/);
    await page.waitForFunction(() => document.querySelectorAll('[role=option] mark').length > 5);
    assert.equal(await page.locator('[role=option] mark').first().textContent(), 'timed out');
    await page.goBack();
    await page.getByText('1800 lines').waitFor();
  });
});

test('logs: levels and facets narrow, and the URL holds it', async () => {
  await withPage({}, async (page) => {
    await page.goto(own());
    await page.getByRole('button', { name: /^error/ }).click();
    await page.waitForFunction(() => location.search.includes('level%3Aerror'));
    await page.getByText('30 lines').waitFor();
    await page.getByRole('button', { name: /^error/ }).click();
    await page.getByText('1800 lines').waitFor();
    const facets = page.getByRole('navigation', { name: 'Fields to filter by' });
    const value = facets.getByRole('button', { name: `${mark}-결제`, exact: true });
    if (!(await value.isVisible().catch(() => false)))
      await facets.getByRole('button', { name: 'container', exact: true }).click();
    await value.click();
    await page.getByText('300 lines').waitFor();
    await shot(page, 'logs-facets-light-en');
    await page.reload();
    await page.getByText('300 lines').waitFor();
  });
});

test('logs: a line has its fields and its neighbours', async () => {
  await withPage({ dark: true, locale: 'ko-KR' }, async (page) => {
    await page.goto(own('실패'));
    await rows(page).first().waitFor();
    await page.getByRole('button', { name: '검색', exact: true }).focus();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const panel = page.getByRole('complementary', { name: '로그 한 줄' });
    await panel.waitFor();
    await panel.getByText(/승인/).first().waitFor();
    await shot(page, 'logs-line-dark-ko');
    await panel.getByText('앞뒤 로그').click();
    await page.waitForFunction(() => location.search.includes('side=context'));
    const around = panel.getByRole('region', { name: '앞뒤 로그' });
    await around.locator('li[aria-current=true]').waitFor();
    assert.ok((await around.locator('li').count()) > 20, 'lines around it');
    assert.ok((await around.getByText('ping').count()) > 0, 'also those that the query leaves out');
    await shot(page, 'logs-context-dark-ko');
    await panel.getByText('그때의 컨테이너').click();
    await panel.getByText('container_id가 없어서').waitFor();
    await page.reload();
    await panel.getByText('container_id가 없어서').waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });
});

test('logs: patterns are counted, and one click shows their lines', async () => {
  await withPage({}, async (page) => {
    await page.goto(own('', '&tab=patterns'));
    const row = page.getByRole('row').filter({ hasText: 'upstream timed out' }).first();
    await row.waitFor();
    await shot(page, 'logs-patterns-light-en');
    await row.getByRole('button', { name: 'upstream timed out' }).click();
    await row.getByText(/order=\d+ took=\d+ms/).waitFor();
    await row.getByRole('button', { name: 'Show its lines' }).click();
    await page.getByText('30 lines').waitFor();
    assert.match(await page.getByTestId('logql').textContent(), /\|> "/);
  });
});

test('logs: the tail shows what is written now', async () => {
  await withPage({}, async (page) => {
    await page.goto(own());
    await rows(page).first().waitFor();
    await page.getByRole('switch', { name: 'Live tail' }).click({ force: true });
    await page.getByText('Following.').waitFor();
    // Each try writes a line: the first ones may come before the connection stands.
    for (let i = 0; ; i += 1) {
      await push('api', [[ns(0), `level=info msg="written just now" n=${i}`]]);
      const there = rows(page).filter({ hasText: 'written just now' }).first().waitFor({ timeout: 1000 });
      if (
        await there.then(
          () => true,
          () => false,
        )
      )
        break;
      assert.ok(i < 60, 'the line does not come');
    }
    await shot(page, 'logs-tail-light-en');
  });
});

test('logs: a blank page says why', async () => {
  await withPage({ locale: 'ko-KR' }, async (page) => {
    await page.goto(own('절대없는말'));
    await page.getByText('필터를 통과한 것이 없습니다').waitFor();
    await shot(page, 'logs-empty-light-ko');
    await page.getByRole('button', { name: '이 스트림의 로그 모두 보기' }).click();
    await rows(page).first().waitFor();
    await page.goto(`/logs?q=${encodeURIComponent(`app:${mark}-nobody`)}`);
    await page.getByText('해당하는 스트림이 없습니다').waitFor();
  });
});

test('logs: LogQL that counts is a chart, and a wrong query says where', async () => {
  await withPage({ dark: true }, async (page) => {
    await page.goto(`/logs?q=${encodeURIComponent(`sum by (container) (count_over_time({app="${mark}"}[1m]))`)}`);
    await page.locator('.uplot canvas').first().waitFor();
    await page.getByText(`{container="${mark}-api"}`).waitFor();
    await shot(page, 'logs-metric-dark-en');
  });
});

test('logs: everything the query finds can be saved', async () => {
  await withPage({}, async (page) => {
    await page.goto(own('"timed out"'));
    await rows(page).first().waitFor();
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'JSON lines with all fields' }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    assert.equal(lines.length, 30);
    assert.equal(lines[0].stream.app, mark);
  });
});

test('logs: fits a phone, and keys lead here', async () => {
  await withPage({ width: 390, height: 844, locale: 'ko-KR' }, async (page) => {
    await page.goto(own());
    await rows(page).first().waitFor();
    await shot(page, 'logs-phone-light-ko');
  });
  await withPage({}, async (page) => {
    await page.goto('/status');
    await page.getByRole('tab').first().waitFor();
    await jump(page, 'l', '/logs');
  });
});

const noEngine = missingEngine();
test(
  'logs: the page of a container keeps its log after docker rm, or says why there is none',
  { skip: noEngine ?? false },
  async () => {
    const name = `${mark}-gone`;
    const id = run(name, [], 'for i in 1 2 3 4 5; do echo kept line $i; done; sleep 600').trim();
    try {
      await withPage({}, async (page) => {
        await page.goto(`/containers/${id}`);
        await page.getByRole('heading', { name }).waitFor();
        const kept = rows(page).filter({ hasText: 'kept line 5' });
        const stored = await kept.waitFor({ timeout: 20_000 }).then(
          () => true,
          () => false,
        );
        if (!stored) {
          // Where logs are not collected the reason stands there, and the live log stays.
          await page.getByText('Nothing of this container’s log is stored.').waitFor();
          await page.getByText('kept line 5').waitFor();
          await shot(page, 'container-no-log-light-en', { fullPage: true });
          return;
        }
        remove(name);
        await page.getByText('removed').first().waitFor();
        await page.goto(`/containers/${id}?q=${encodeURIComponent('"line 3"')}`);
        await rows(page).filter({ hasText: 'kept line 3' }).waitFor();
        assert.equal(await rows(page).count(), 1, 'searched');
        await shot(page, 'container-gone-log-light-en', { fullPage: true });
      });
    } finally {
      remove(name);
    }
  },
);
