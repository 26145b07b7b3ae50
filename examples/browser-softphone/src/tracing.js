// The OpenTelemetry SDK in the browser: spans go straight to an OTLP receiver that allows this page's origin (`cors`).
import { trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { FetchInstrumentation } from '@opentelemetry/instrumentation-fetch';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, StackContextManager, WebTracerProvider } from '@opentelemetry/sdk-trace-web';
import { InteractionSpanProcessor } from 'throughline-otel';

/** Starts the SDK; what sends the spans of a call when it has ended. */
export function startTracing(otlp) {
  const open = new OpenSpans();
  const provider = new WebTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'agent-softphone', 'service.version': '1.0.0' }),
    spanProcessors: [
      new InteractionSpanProcessor(),
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${otlp}/v1/traces` })),
      open,
    ],
  });
  provider.register({
    // Synchronous alone: native `await` forgets the context, so this page passes it by hand (see phone.js).
    contextManager: new StackContextManager(),
    propagator: new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  });
  // No `propagateTraceHeaderCorsUrls`: the platform's API allows no `traceparent` header, and the preflight would fail.
  registerInstrumentations({ instrumentations: [new FetchInstrumentation()] });
  // A page that is left has no later.
  addEventListener('pagehide', () => provider.forceFlush());
  return async () => {
    await open.ended();
    await provider.forceFlush();
  };
}

/** Knows when no span is open: FetchInstrumentation ends its own 300 ms after the request, too late for a flush at once. */
class OpenSpans {
  #open = new Set();
  #waiting = [];

  onStart(span) {
    this.#open.add(span);
  }

  onEnd(span) {
    this.#open.delete(span);
    if (this.#open.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async ended() {
    if (this.#open.size > 0) await new Promise((resolve) => this.#waiting.push(resolve));
  }

  async forceFlush() {}

  async shutdown() {}
}

export const tracer = trace.getTracer('agent-softphone');
