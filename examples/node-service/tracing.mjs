// The entry point: `node --import ./tracing.mjs server.mjs` runs this file before any other module is loaded,
// so that nothing is missed at the start of an interaction.
import { register } from 'node:module';

// The service is an ES module: its imports are patched by a loader hook, which must stand before them.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);

const { core, NodeSDK, resources, tracing } = (await import('@opentelemetry/sdk-node')).default;
const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
const { getNodeAutoInstrumentations } = await import('@opentelemetry/auto-instrumentations-node');
const { InteractionPropagator, InteractionSpanProcessor } = await import('throughline-otel');
const { start } = await import('throughline-otel/start');

export const sdk = new NodeSDK({
  // `service.name` and the exporter's address can be overridden by OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_ENDPOINT.
  resource: resources.resourceFromAttributes({
    'service.name': process.env.OTEL_SERVICE_NAME ?? 'contact-center-backend',
    'service.version': '1.4.0',
    'deployment.environment.name': 'production',
  }),
  textMapPropagator: new core.CompositePropagator({
    propagators: [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator(), new InteractionPropagator()],
  }),
  spanProcessors: [new InteractionSpanProcessor(), new tracing.BatchSpanProcessor(new OTLPTraceExporter())],
  metricReaders: [],
  logRecordProcessors: [],
  instrumentations: [
    getNodeAutoInstrumentations({
      '@opentelemetry/instrumentation-http': {
        ignoreIncomingRequestHook: (request) => request.url === '/health',
      },
      // One span for a request is enough: Express's layers, its router and the sockets below fetch add nothing here.
      '@opentelemetry/instrumentation-express': { ignoreLayersType: ['middleware', 'request_handler'] },
      '@opentelemetry/instrumentation-router': { enabled: false },
      '@opentelemetry/instrumentation-dns': { enabled: false },
      '@opentelemetry/instrumentation-net': { enabled: false },
    }),
  ],
});

start(sdk);
