// node send.mjs <http/json | http/protobuf | grpc> <endpoint> <run id>
//
// Sends a known set of spans, metrics and log records, and prints one line of JSON about them. Ends with 0 only if the
// SDK says that all of it was delivered.
import opentelemetry from '@opentelemetry/sdk-node';

import { describeSpan, settle, trouble, witness } from './account.mjs';
import { makeLogs, makeMetrics, makeSpans } from './telemetry.mjs';

const { logs, metrics, resources, tracing } = opentelemetry;
const [protocol, endpoint, run] = process.argv.slice(2);
const family = { 'http/json': 'http', 'http/protobuf': 'proto', grpc: 'grpc' }[protocol];
if (!family || !endpoint || !run) {
  console.error('node send.mjs <http/json | http/protobuf | grpc> <endpoint> <run id>');
  process.exit(2);
}

const resource = resources.resourceFromAttributes({
  'service.name': 'e2e-client-node',
  'service.version': '1.0.0-eu-west-1',
  'run.id': run,
});

const traceExporter = await exporter('trace', 'OTLPTraceExporter');
const tracerProvider = new tracing.BasicTracerProvider({
  resource,
  spanProcessors: [new tracing.BatchSpanProcessor(traceExporter)],
});
makeSpans(tracerProvider.getTracer('e2e-client', '1.0.0'), run);
await tracerProvider.shutdown().catch(trouble);

const metricExporter = await exporter('metrics', 'OTLPMetricExporter');
const reader = new metrics.PeriodicExportingMetricReader({ exporter: metricExporter });
const meterProvider = new metrics.MeterProvider({ resource, readers: [reader] });
makeMetrics(meterProvider.getMeter('e2e-client', '1.0.0'), run);
await meterProvider.shutdown().catch(trouble);

const logExporter = await exporter('logs', 'OTLPLogExporter');
const loggerProvider = new logs.LoggerProvider({
  resource,
  processors: [new logs.BatchLogRecordProcessor({ exporter: logExporter })],
});
makeLogs(loggerProvider.getLogger('e2e-client', '1.0.0'), run);
await loggerProvider.shutdown().catch(trouble);

settle({
  client: `node ${protocol}`,
  spans: traceExporter.delivered.map(describeSpan),
  metrics: metricExporter.delivered
    .flatMap((resourceMetrics) => resourceMetrics.scopeMetrics)
    .flatMap((scopeMetrics) => scopeMetrics.metrics)
    .map((metric) => metric.descriptor.name),
  logs: logExporter.delivered.map((record) => record.body),
});

async function exporter(signal, name) {
  const module = await import(`@opentelemetry/exporter-${signal}-otlp-${family}`);
  const path = signal === 'trace' ? 'traces' : signal;
  const url = family === 'grpc' ? endpoint : new URL(`/v1/${path}`, endpoint).href;
  return witness(new (module.default ?? module)[name]({ url }));
}
