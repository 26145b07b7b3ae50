const opentelemetry = require('@opentelemetry/sdk-node');
const {OTLPTraceExporter} = require('@opentelemetry/exporter-trace-otlp-http');
const {getNodeAutoInstrumentations} = require('@opentelemetry/auto-instrumentations-node');
const traceExporter = new OTLPTraceExporter({
url: 'http://otel-collector.internal:4318/v1/traces',
});
const sdk = new opentelemetry.NodeSDK({
traceExporter,
instrumentations: [getNodeAutoInstrumentations()],
resource: new opentelemetry.resource.Resource({
'service.name': 'contact-center-backend',
'interaction.id': 'GENESYS-123456789', // Injected from Genesys context
'environment': 'production'
}),
});
sdk.start()
.then(() => console.log('Tracing initialized'))
.catch((err) => console.error('Error initializing tracing', err));
