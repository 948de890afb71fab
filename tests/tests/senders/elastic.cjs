// The official client of Elasticsearch: product check, the helper for bulk requests, a single document.
const { Client } = require('@elastic/elasticsearch');

(async () => {
  const client = new Client({ node: process.argv[2] });
  const info = await client.info();
  if (info.tagline !== 'You Know, for Search') throw new Error(JSON.stringify(info));
  const now = Date.now();
  const documents = Array.from({ length: 700 }, (_, n) => ({
    '@timestamp': new Date(now + n).toISOString(),
    message: `node ${n} 처리`,
    log: { level: 'warn' },
    container: { id: '6a'.repeat(32), name: 'shop-web' },
  }));
  const result = await client.helpers.bulk({
    datasource: documents,
    flushBytes: 20000,
    onDocument: () => ({ create: { _index: 'logs-node-default' } }),
    onDrop: (dropped) => {
      throw new Error(JSON.stringify(dropped));
    },
  });
  if (result.successful !== 700 || result.failed !== 0) throw new Error(JSON.stringify(result));
  const answer = await client.index({ index: 'logs-node-default', document: { '@timestamp': new Date(now).toISOString(), message: 'a single one' } });
  if (answer.result !== 'created') throw new Error(JSON.stringify(answer));
  await client.close();
})();
