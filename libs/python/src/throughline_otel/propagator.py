"""What headers say about an interaction besides `traceparent` and `baggage`."""

from __future__ import annotations

from opentelemetry import baggage, trace
from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan

from throughline_otel.arrival import with_arrival
from throughline_otel.interaction import interaction_id, with_interaction
from throughline_otel.traceparent import conversation_parent, format_traceparent, previous_trace_link

_CONVERSATION_HEADERS = ("x-inin-cnv", "x-conversation-id")
_LINK_HEADERS = ("otel-trace-id", "previous-trace-id")
_HEADERS = (*_CONVERSATION_HEADERS, *_LINK_HEADERS, "traceparent")


class InteractionPropagator(TextMapPropagator):
    """Stands after the propagators of W3C.

    The conversation id of `x-inin-cnv` or `x-conversation-id` becomes `interaction.id` where baggage has none, and a
    UUID becomes the parent where no `traceparent` came. `otel-trace-id` and `previous-trace-id` become a link.

    With `trusted=False`, for a public edge, nothing is continued: the trace restarts with a link to what was claimed.
    """

    def __init__(self, trusted: bool = True) -> None:
        self._trusted = trusted

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        context = get_current() if context is None else context
        # A template that had nothing to say sends an empty header: as good as none.
        headers = {name: next(iter(getter.get(carrier, name) or ()), None) or None for name in _HEADERS}
        return _trust(context, headers) if self._trusted else _restart(context, headers)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Nothing: the propagators of W3C send what is to be sent."""

    @property
    def fields(self) -> set[str]:
        return {*_CONVERSATION_HEADERS, *_LINK_HEADERS}


def _trust(context: Context, headers: dict[str, str | None]) -> Context:
    conversation = next((headers[name] for name in _CONVERSATION_HEADERS if headers[name] is not None), None)
    if interaction_id(context) is None:
        context = with_interaction(conversation, context)
    if trace.get_current_span(context).get_span_context().is_valid:
        return context
    raw = headers["traceparent"]
    parent = conversation_parent(conversation)
    if parent is not None:
        context = trace.set_span_in_context(NonRecordingSpan(parent), context)
        return with_arrival(context, "join", "conversation-id", raw)
    for name in _LINK_HEADERS:
        link = previous_trace_link(headers[name], name)
        if link is not None:
            return with_arrival(context, "restart", name, headers[name] if raw is None else raw, link)
    return context if raw is None else with_arrival(context, "restart", None, raw)


def _restart(context: Context, headers: dict[str, str | None]) -> Context:
    claimed = trace.get_current_span(context).get_span_context()
    context = baggage.clear(trace.set_span_in_context(INVALID_SPAN, context))
    raw = headers["traceparent"]
    if claimed.is_valid:
        link = Link(claimed, {"throughline.context.source": "traceparent"})
        return with_arrival(context, "restart", "traceparent", raw or format_traceparent(claimed), link)
    return context if raw is None else with_arrival(context, "restart", None, raw)
