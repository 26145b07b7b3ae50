"""The SDK, started when this module is imported: `app.py` imports it before anything else."""

import os

# Python's instrumentations still write the old attribute names unless asked for the stable ones.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

INTERACTION_ID = "interaction.id"
CONVERSATION_HEADER = "x-conversation-id"


class ConversationHeader(TextMapPropagator):
    """Callers that cannot send baggage send the bare conversation id."""

    def extract(self, carrier, context=None, getter=default_getter):
        values = getter.get(carrier, CONVERSATION_HEADER)
        if not values or baggage.get_baggage(INTERACTION_ID, context):
            return context
        return baggage.set_baggage(INTERACTION_ID, values[0], context)

    def inject(self, carrier, context=None, setter=None):
        pass

    @property
    def fields(self):
        return {CONVERSATION_HEADER}


class InteractionId(SpanProcessor):
    """Puts the interaction's id on each span as it starts: many interactions share this process."""

    def on_start(self, span, parent_context=None):
        interaction = baggage.get_baggage(INTERACTION_ID, parent_context or context.get_current())
        if interaction:
            span.set_attribute(INTERACTION_ID, str(interaction))


# `service.name` and the exporter's address can be overridden by OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_ENDPOINT.
provider = TracerProvider(
    resource=Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", "crm"),
            "service.version": "7.3.0",
            "deployment.environment.name": "production",
        }
    )
)
provider.add_span_processor(InteractionId())
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
propagate.set_global_textmap(
    CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator(), ConversationHeader()])
)
SQLite3Instrumentor().instrument()
PsycopgInstrumentor().instrument()
