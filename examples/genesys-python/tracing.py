"""The OpenTelemetry SDK for the two programs; imported before what it instruments."""

import os

os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from throughline_otel import InteractionSpanProcessor, start


def begin(service):
    """Spans go to OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 if it is not set. Shut the provider down at the end."""
    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", service)}))
    provider.add_span_processor(InteractionSpanProcessor())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    start(provider)
    # The SDK of Genesys Cloud calls by urllib3.
    URLLib3Instrumentor().instrument()
    return provider
