// The real SDK, with spans kept in memory.
import { propagation } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

import { InteractionPropagator, InteractionSpanProcessor } from 'throughline-otel';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  spanProcessors: [new InteractionSpanProcessor(), new SimpleSpanProcessor(exporter)],
});
provider.register({ propagator: propagator() });

export const tracer = provider.getTracer('test');

export function propagator(options) {
  return new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator(), new InteractionPropagator(options)],
  });
}

/** The spans that `work` made. */
export async function spansOf(work) {
  exporter.reset();
  await work();
  return exporter.getFinishedSpans();
}

export function headersOf(context) {
  const headers = {};
  propagation.inject(context, headers);
  return headers;
}
