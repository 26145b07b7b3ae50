"""The SDK with spans kept in memory, and the programs' client at a stand-in."""

import os
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from throughline_otel import InteractionSpanProcessor, start

import platform_client
from tests.stand_in import CLIENT, Platform

AS_WRITTEN = Path(__file__).parents[1] / "as-written"

exporter = InMemorySpanExporter()
_provider = TracerProvider()
_provider.add_span_processor(InteractionSpanProcessor())
_provider.add_span_processor(SimpleSpanProcessor(exporter))
start(_provider)
URLLib3Instrumentor().instrument()


@contextmanager
def at_stand_in(**settings):
    """A platform, and a client that has its token."""
    with Platform(**settings) as platform:
        environment = {
            "GENESYS_API": platform.url,
            "GENESYS_CLIENT_ID": CLIENT["id"],
            "GENESYS_CLIENT_SECRET": CLIENT["secret"],
            "NO_PROXY": "127.0.0.1",
        }
        with patch.dict(os.environ, environment):
            client = platform_client.connect()
            exporter.clear()
            yield platform, client


def spans():
    return exporter.get_finished_spans()


def traceparent(span):
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
