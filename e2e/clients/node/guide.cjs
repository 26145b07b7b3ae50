// node guide.cjs <traces URL> <interaction id>
//
// The guide's snippet, with only what it takes to run today: the resource is made by `resourceFromAttributes`, and
// `start()` returns nothing to wait for. Then one request to a server in this process, traced by auto-instrumentation.
const [url, interaction] = process.argv.slice(2);

// Today's NodeSDK sends metrics and logs too unless told otherwise, and the guide's configuration has no pipeline for them.
process.env.OTEL_METRICS_EXPORTER ??= 'none';
process.env.OTEL_LOGS_EXPORTER ??= 'none';

const opentelemetry = require('@opentelemetry/sdk-node');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { getNodeAutoInstrumentations } = require('@opentelemetry/auto-instrumentations-node');

const traceExporter = new OTLPTraceExporter({ url });
const sdk = new opentelemetry.NodeSDK({
  traceExporter,
  instrumentations: [getNodeAutoInstrumentations()],
  resource: opentelemetry.resources.resourceFromAttributes({
    'service.name': 'contact-center-backend',
    'interaction.id': interaction,
    environment: 'production',
  }),
});
sdk.start();

const http = require('node:http');

const server = http.createServer((_request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', async () => {
  const { describeSpan, settle, witness } = await import('./account.mjs');
  witness(traceExporter);
  http.get({ port: server.address().port, host: '127.0.0.1', path: '/customers' }, (response) => {
    response.resume().once('end', () => {
      server.close(async () => {
        await sdk.shutdown();
        settle({ client: 'node guide', spans: traceExporter.delivered.map(describeSpan), metrics: [], logs: [] });
      });
    });
  });
});
