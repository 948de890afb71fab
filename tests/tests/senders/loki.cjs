// winston-loki: pushes of protobuf with snappy, and of JSON with structured metadata.
const winston = require('winston');
const LokiTransport = require('winston-loki');

(async () => {
  for (const [app, json] of [['protobuf', false], ['json', true]]) {
    const transport = new LokiTransport({
      host: process.argv[2],
      labels: { app },
      json,
      useWinstonMetaAsLabels: false,
      batching: true,
      interval: 1,
      format: winston.format.printf((info) => info.message),
      onConnectionError: (error) => {
        console.error(error);
        process.exit(1);
      },
    });
    const logger = winston.createLogger({ level: 'debug', transports: [transport] });
    for (let n = 0; n < 100; n++) logger.warn(`winston ${n} 완료`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await transport.flush();
    logger.close();
  }
})();
