"""The SDK, started when this module is imported: `app.py` imports it before anything else."""

import os

# Python's instrumentations still write the old attribute names unless asked for the stable ones.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from throughline_otel import InteractionPropagator, InteractionSpanProcessor, start

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
provider.add_span_processor(InteractionSpanProcessor())
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
propagate.set_global_textmap(
    CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator(), InteractionPropagator()])
)
start(provider)
SQLite3Instrumentor().instrument()
PsycopgInstrumentor().instrument()


def serve_traced(app):
    """One span for each request: those of ASGI's single messages add nothing here."""
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health$", exclude_spans=["receive", "send"])
