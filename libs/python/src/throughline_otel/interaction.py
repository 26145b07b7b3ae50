"""`interaction.id` in baggage: in with a request, on every span, out with every call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import baggage, trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.trace import Span, SpanProcessor

from throughline_otel.arrival import arrival_of

INTERACTION_ID = "interaction.id"
_LONGEST = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def interaction_id(context: Context | None = None) -> str | None:
    """The id of the interaction that a context belongs to."""
    return _usable(baggage.get_baggage(INTERACTION_ID, context))


def with_interaction(interaction: object, context: Context | None = None) -> Context:
    """A context that belongs to this interaction; the same context where it is no id."""
    context = get_current() if context is None else context
    usable = _usable(interaction)
    return context if usable is None else baggage.set_baggage(INTERACTION_ID, usable, context)


@contextmanager
def in_interaction(interaction: object) -> Iterator[None]:
    """What runs inside belongs to the interaction: the span that is active already and all that start."""
    usable = _usable(interaction)
    if usable is not None:
        trace.get_current_span().set_attribute(INTERACTION_ID, usable)
    token = attach(with_interaction(interaction))
    try:
        yield
    finally:
        detach(token)


class InteractionSpanProcessor(SpanProcessor):
    """Puts the interaction's id on each span as it starts, and on a request's first span how its context came."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        interaction = interaction_id(parent_context)
        if interaction is not None:
            span.set_attribute(INTERACTION_ID, interaction)
        arrival = arrival_of(parent_context)
        if arrival is None:
            return
        span.set_attributes(arrival.attributes)
        if arrival.link is not None:
            span.add_link(arrival.link.context, arrival.link.attributes)


def _usable(interaction: object) -> str | None:
    """Ids come from outside: text of reasonable length without control characters."""
    if not isinstance(interaction, str) or not 0 < len(interaction) <= _LONGEST or _CONTROL.search(interaction):
        return None
    return interaction
