"""One interaction, one trace: what a contact centre's services need beside the OpenTelemetry SDK."""

from throughline_otel import genesys
from throughline_otel.interaction import (
    INTERACTION_ID,
    InteractionSpanProcessor,
    in_interaction,
    interaction_id,
    with_interaction,
)
from throughline_otel.middleware import AsgiInteraction, WsgiInteraction
from throughline_otel.place import EACH, Place, map_paths
from throughline_otel.propagator import InteractionPropagator
from throughline_otel.start import LateStartWarning, late_start, start
from throughline_otel.subscriptions import DETAIL_EVENTS, Subscriptions
from throughline_otel.traceparent import (
    conversation_parent,
    format_traceparent,
    parse_traceparent,
    previous_trace_link,
)

__all__ = [
    "DETAIL_EVENTS",
    "EACH",
    "INTERACTION_ID",
    "AsgiInteraction",
    "InteractionPropagator",
    "InteractionSpanProcessor",
    "LateStartWarning",
    "Place",
    "Subscriptions",
    "WsgiInteraction",
    "conversation_parent",
    "format_traceparent",
    "genesys",
    "in_interaction",
    "interaction_id",
    "late_start",
    "map_paths",
    "parse_traceparent",
    "previous_trace_link",
    "start",
    "with_interaction",
]
