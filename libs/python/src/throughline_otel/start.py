"""Starts the SDK, and says so if that is too late."""

from __future__ import annotations

import time
import warnings

from opentelemetry import trace
from opentelemetry.trace import TracerProvider

_loaded = time.monotonic()
_served = 0
_started = False


class LateStartWarning(UserWarning):
    """Requests were served before the SDK was started: their spans do not exist."""


def start(provider: TracerProvider) -> str | None:
    """Makes `provider` the global one, and warns if requests were served before.

    Requests are counted where `AsgiInteraction` or `WsgiInteraction` stands around the application. Returns the
    warning's text.
    """
    global _started
    warning = late_start()
    _started = True
    if warning is not None:
        warnings.warn(warning, LateStartWarning, stacklevel=2)
    trace.set_tracer_provider(provider)
    return warning


def late_start() -> str | None:
    """What is wrong with starting the SDK now; nothing if it is early enough."""
    if _served == 0:
        return None
    seen = "1 request was served" if _served == 1 else f"{_served} requests were served"
    return (
        f"OpenTelemetry starts {time.monotonic() - _loaded:.1f} s after this library, and {seen}: nothing before is "
        "traced. Start the SDK at the entry point, before the application is imported."
    )


def served() -> None:
    """Counts a request, until the SDK stands."""
    global _served
    if not _started and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        _served += 1
