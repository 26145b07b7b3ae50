"""The real SDK, with spans kept in memory."""

from opentelemetry import context
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from throughline_otel import InteractionPropagator, InteractionSpanProcessor


class Telemetry:
    def __init__(self):
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(InteractionSpanProcessor())
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.provider = provider
        self.tracer = provider.get_tracer("test")

    @property
    def spans(self):
        return self._exporter.get_finished_spans()


def propagator(**options):
    return CompositePropagator(
        [TraceContextTextMapPropagator(), W3CBaggagePropagator(), InteractionPropagator(**options)]
    )


def request(headers, **options):
    """The span of a request with these headers, a span inside, and the headers that would be sent on."""
    telemetry, sent = Telemetry(), {}
    arrived = propagator(**options).extract(headers, Context())
    token = context.attach(arrived)
    try:
        with telemetry.tracer.start_as_current_span("request"), telemetry.tracer.start_as_current_span("query"):
            propagator(**options).inject(sent)
    finally:
        context.detach(token)
    query, served = telemetry.spans
    return served, query, sent
