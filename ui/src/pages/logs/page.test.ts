import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { around } from './Around';
import { barsOf, stackedColumns } from './bars';
import { selectorIn } from './EmptyLogs';
import { flatten, type Entry } from './entries';
import { asText, rfc3339 } from './exportLines';
import { facetNames } from './Facets';
import { readPage, rest, type Window } from './paging';
import { patternRows, splitPattern, withPattern } from './patterns';
import { containerOf } from './Then';
import { neighbour } from './useLogKeys';
import { newSince } from './useFollowed';
import { topQuery, volumeQuery } from './useLogs';

const entries = (...ns: number[]): Entry[] =>
  flatten([{ stream: { container: 'api' }, values: ns.map((n) => [String(n), `line ${n}`]) }], 'newest');

describe('histogram', () => {
  it('stacks levels from the worst up, and sums what falls together', () => {
    const bars = barsOf({
      resultType: 'matrix',
      result: [
        {
          metric: { detected_level: 'info' },
          values: [
            [60, '3'],
            [120, '1'],
          ],
        },
        { metric: { detected_level: 'ERROR' }, values: [[120, '2']] },
        { metric: { detected_level: 'err' }, values: [[120, '5']] },
        { metric: {}, values: [[60, '1']] },
      ],
    });
    expect(bars.levels.map((l) => [l.level, l.total])).toEqual([
      ['error', 7],
      ['info', 4],
      ['unknown', 1],
    ]);
    expect(stackedColumns(bars)).toEqual([
      [60, 120],
      [0, 7],
      [3, 8],
      [4, 8],
    ]);
    expect(bars.total).toBe(12);
  });
  it('asks in LogQL', () => {
    expect(volumeQuery('{a="b"} |= "x"', 30_000)).toBe(
      'sum by (detected_level) (count_over_time({a="b"} |= "x" [30s]))',
    );
    expect(topQuery('{a="b"} | json', 'user', 3_600_000, 8, ['json'])).toBe(
      'topk(8, sum by (user) (count_over_time({a="b"} | json | user != "" | drop __error__, __error_details__ [3600s])))',
    );
    expect(topQuery('{a="b"}', 'user', 1000, 8, ['logfmt'])).toContain('{a="b"} | logfmt | user != "" | drop');
  });
});

describe('patterns', () => {
  const span = { start: 100_000, end: 200_000 };
  const raw = (pattern: string, level: string, ...samples: [number, number][]) => ({ pattern, level, samples });
  it('are counted over streams, dated, and compared with the time before', () => {
    const rows = patternRows(
      [raw('a <_>', 'info', [110, 2], [150, 1]), raw('a <_>', 'INFO', [120, 1]), raw('b', 'error', [190, 12])],
      [raw('a <_>', 'info', [50, 1]), raw('c', 'warn', [60, 7])],
      span,
    );
    expect(rows.map((r) => [r.pattern, r.count, r.change])).toEqual([
      ['b', 12, 'new'],
      ['a <_>', 4, null],
      ['c', 7, 'gone'],
    ]);
    expect(rows[1]).toMatchObject({ first: 110_000, last: 150_000, share: 0.25 });
    expect(rows[1]?.trend.reduce((a, b) => a + b, 0)).toBe(4);
  });
  it('say nothing of change where the time before is not known', () => {
    expect(patternRows([raw('a', '', [110, 1])], null, span)[0]?.change).toBeNull();
  });
  it('filter the query', () => {
    expect(withPattern('{a="b"}', 'x "<_>"', true)).toBe('{a="b"} !> "x \\"<_>\\""');
    expect(splitPattern('a <_> b')).toEqual(['a ', '<_>', ' b']);
  });
});

describe('export', () => {
  const [entry] = flatten(
    [
      {
        stream: { container: 'api' },
        values: [['1763800000000000123', '=say "hi", 안녕', { structuredMetadata: { trace_id: 't' } }]],
      },
    ],
    'newest',
  );
  const list = entry ? [entry] : [];
  it('keeps all nine digits', () => {
    expect(rfc3339('1763800000000000123')).toBe('2025-11-22T08:26:40.000000123Z');
  });
  it('writes text, JSON lines and CSV', () => {
    expect(asText(list, 'txt')).toBe('2025-11-22T08:26:40.000000123Z api =say "hi", 안녕\n');
    expect(JSON.parse(asText(list, 'json'))).toMatchObject({ ns: '1763800000000000123', fields: { trace_id: 't' } });
    expect(asText(list, 'csv')).toBe(
      'time,line,container,trace_id\n2025-11-22T08:26:40.000000123Z,"\'=say ""hi"", 안녕",api,t\n',
    );
  });
});

describe('pieces of the page', () => {
  it('finds the selector, braces in strings and all', () => {
    expect(selectorIn('sum(rate({a="}", b=`{`} |= "x" [1m]))')).toBe('{a="}", b=`{`}');
    expect(selectorIn('vector(1)')).toBeNull();
    expect(selectorIn('{a="b')).toBeNull();
  });
  it('orders facets as one asks', () => {
    expect(facetNames(['zone', 'node', 'container', '__stream'], ['node', 'trace_id'])).toEqual({
      streams: ['container', 'node', 'zone'],
      fields: ['trace_id'],
    });
  });
  it('walks lines', () => {
    expect(neighbour(['a', 'b'], null, 1)).toBe('a');
    expect(neighbour(['a', 'b'], 'b', 1)).toBe('b');
    expect(neighbour([], null, 1)).toBeNull();
  });
  it('counts what came while somebody read', () => {
    const [held, fresh] = [entries(3, 2, 1), entries(5, 4, 3, 2, 1)];
    expect(newSince(fresh, held)).toBe(2);
    expect(newSince(fresh, [])).toBe(5);
  });
  it('shows a line between its neighbours', () => {
    const [line] = entries(50);
    if (!line) throw new Error('no line');
    const shown = around(line, entries(49, 48), entries(50, 51).reverse());
    expect(shown.lines.map((e) => e.ns)).toEqual(['48', '49', '50', '51']);
    expect([shown.before, shown.after]).toEqual([2, 1]);
    expect(around(line, [], []).lines).toEqual([line]);
  });
  it('finds the container of a line', () => {
    const [line] = entries(1);
    expect(line && containerOf(line)).toBeNull();
    expect(line && containerOf({ ...line, metadata: { container_id: 'c' } })).toBe('c');
  });
});

describe('paging', () => {
  it('asks for the last time again, and gets past a time that fills a page', () => {
    const all: Window = { start: '100', end: '200' };
    expect(rest('150', all, 'newest')).toEqual({ start: '100', end: '151' });
    expect(rest('199', all, 'newest')).toEqual({ start: '100', end: '199' });
    expect(rest('100', { start: '100', end: '101' }, 'newest')).toBeNull();
    expect(rest('150', all, 'oldest')).toEqual({ start: '150', end: '200' });
    expect(rest('100', all, 'oldest')).toEqual({ start: '101', end: '200' });
  });
});

/** A server that answers as Loki does, from 1,000 lines of which some share a time. */
describe('against a server', () => {
  let server: Server;
  const asked: { path: string; flags: string | undefined }[] = [];
  const stored = Array.from({ length: 1000 }, (_, i): [string, string, object] => [
    String(1_763_800_000_000_000_000n + BigInt(Math.floor(i / 3)) * 1_000_000n),
    `line ${i}`,
    {},
  ]);
  beforeAll(async () => {
    server = createServer((req, res) => {
      const url = new URL(req.url ?? '', 'http://server');
      asked.push({ path: url.pathname, flags: req.headers['x-loki-response-encoding-flags']?.toString() });
      const p = url.searchParams;
      const [start, end] = [BigInt(p.get('start') ?? 0), BigInt(p.get('end') ?? 0)];
      res.setHeader('content-type', 'application/json');
      if (p.get('query') === 'bad') {
        res.statusCode = 400;
        res.end('parse error at line 1, col 1: syntax error');
        return;
      }
      const found = stored.filter(([ns]) => BigInt(ns) >= start && BigInt(ns) < end);
      if (p.get('direction') === 'backward') found.reverse();
      const values = found.slice(0, Number(p.get('limit')));
      res.end(JSON.stringify({ status: 'success', data: { resultType: 'streams', result: [{ stream: {}, values }] } }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const real = globalThis.fetch;
    vi.stubGlobal('sessionStorage', { getItem: () => null });
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => real(`http://127.0.0.1:${port}${path}`, init));
  });
  afterAll(async () => {
    vi.unstubAllGlobals();
    await new Promise((done) => server.close(done));
  });
  it.each(['newest', 'oldest'] as const)('reads every line once, %s first', async (order) => {
    let next: Window | null = { start: '1763800000000000000', end: '1763900000000000000' };
    const seen = new Map<string, Entry>();
    let pages = 0;
    while (next !== null) {
      const page = await readPage('{a="b"}', next, order, 100);
      for (const e of page.entries) seen.set(e.id, e);
      next = page.next;
      pages += 1;
      expect(pages).toBeLessThan(30);
    }
    expect(seen.size).toBe(1000);
    expect(asked.at(-1)).toEqual({ path: '/loki/api/v1/query_range', flags: 'categorize-labels,detected' });
  });
  it('hands on what the server says of a bad query', async () => {
    const window = { start: '1', end: '2' };
    await expect(readPage('bad', window, 'newest', 1)).rejects.toThrow('parse error at line 1, col 1');
  });
});
