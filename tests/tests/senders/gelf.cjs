// gelf-pro: by UDP, compressed and in pieces, and over TCP.
const crypto = require('node:crypto');
const create = () => {
  delete require.cache[require.resolve('gelf-pro')];
  return require('gelf-pro');
};

(async () => {
  for (const [name, address] of [['udp', process.argv[2]], ['tcp', process.argv[3]]]) {
    const [host, port] = address.split(':');
    const log = Object.create(create());
    log.setConfig({ fields: { container_name: 'shop-node' }, adapterName: name, adapterOptions: { host, port: Number(port) } });
    const send = (level, text, extra) =>
      new Promise((resolve, reject) => log[level](text, extra, (error) => (error ? reject(error) : resolve())));
    for (let n = 0; n < 20; n++) await send('error', `gelf ${name} ${n} 실패`, { order: n });
    await send('info', `long ${crypto.randomBytes(20000).toString('hex')}`, {});
  }
})();
