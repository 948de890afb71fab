import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { say, SENTENCES } from './sentences';

const CRATES = new URL('../../../crates', import.meta.url).pathname;

/** The server's source; a text that goes on in the next line is one. */
function source(): string {
  const files = readdirSync(CRATES, { recursive: true, encoding: 'utf8' }).filter((f) => /\/src\/.*\.rs$/.test(f));
  return files
    .map((f) =>
      readFileSync(join(CRATES, f), 'utf8')
        .replace(/\\\n\s*/g, '')
        .replaceAll('\\"', '"'),
    )
    .join('\n');
}

test('every sentence is one that the server says', () => {
  const said = source();
  const gone = SENTENCES.flatMap(({ server }) => server.split(/\{\w+\}/)).filter((part) => !said.includes(part));
  expect(gone).toEqual([]);
});

test('a translation names all that the sentence names', () => {
  const names = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();
  for (const { server, ko } of SENTENCES) expect(names(ko), server).toEqual(names(server));
});

test('names and figures are kept, sentences within sentences are said, too', () => {
  expect(say('job k8s: kubernetes_sd_configs is not supported yet: it finds no targets', 'ko')).toBe(
    '작업 k8s: kubernetes_sd_configs는 아직 지원하지 않아 수집 대상을 찾지 못합니다',
  );
  expect(say('memory limit: this query has 5 of 9 bytes in use and needs 7 more', 'ko-KR')).toBe(
    '메모리 한도: 이 쿼리에 9바이트 중 5바이트가 쓰이고 있고 7바이트가 더 필요합니다',
  );
  expect(
    say('label "user" of metric "m" is folded: values over the budget are in the series with user="__folded__"', 'ko'),
  ).toBe('메트릭 "m"의 레이블 "user"이(가) 접혀 있습니다. 예산을 넘은 값은 user="__folded__" 시계열에 있습니다');
});

test('what is in no list stays, and so does everything in English', () => {
  expect(say('tcp connect error', 'ko')).toBe('tcp connect error');
  expect(say('the process', 'en')).toBe('the process');
});
