"""How the context of a request came, from the propagator that read it to the first span of the request."""

from __future__ import annotations

from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import Link

_KEY = create_key("throughline how a context came")
_LONGEST_RECORD = 256


@dataclass(frozen=True)
class Arrival:
    attributes: dict[str, str] = field(default_factory=dict)
    link: Link | None = None


def with_arrival(
    context: Context, decision: str, source: str | None, raw: str | None, link: Link | None = None
) -> Context:
    """Remembers what was decided, from which source, the header as received, and the link that the span is to have."""
    said = {"decision": decision, "source": source, "raw": raw and raw[:_LONGEST_RECORD]}
    attributes = {f"throughline.context.{name}": value for name, value in said.items() if value is not None}
    return set_value(_KEY, Arrival(attributes, link), context)


def arrival_of(context: Context | None) -> Arrival | None:
    """What is to be recorded on a span that starts in this context: nothing below the first span of this process."""
    parent = trace.get_current_span(context).get_span_context()
    if parent.is_valid and not parent.is_remote:
        return None
    found = get_value(_KEY, context)
    return found if isinstance(found, Arrival) else None
