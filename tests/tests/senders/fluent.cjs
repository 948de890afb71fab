// fluent-logger for Node: acknowledged, and with a shared key.
const logger = require('fluent-logger');

const [open, keyed, key] = process.argv.slice(2);
const [host, port] = open.split(':');
const acknowledged = logger.createFluentSender('node', { host, port: Number(port), timeout: 10, requireAckResponse: true, ackResponseTimeout: 20000 });
const secured = logger.createFluentSender('secured', {
  host,
  port: Number(keyed.split(':')[1]),
  timeout: 10,
  requireAckResponse: true,
  security: { clientHostname: 'web-7', sharedKey: key },
});
const emit = (sender, label, record) =>
  new Promise((resolve, reject) => sender.emit(label, record, (error) => (error ? reject(error) : resolve())));

(async () => {
  for (const sender of [acknowledged, secured]) {
    sender.on('error', (error) => {
      console.error(error);
      process.exit(1);
    });
    const all = [];
    for (let n = 0; n < 100; n++) all.push(emit(sender, 'app', { message: `node ${n} 완료`, level: 'error', n }));
    await Promise.all(all);
    await new Promise((resolve) => sender.end(null, null, resolve));
  }
})();
