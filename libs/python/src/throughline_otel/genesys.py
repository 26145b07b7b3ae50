"""Where Genesys Cloud can carry a context. Headers of its own calls are static, so it never sends a `traceparent`."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import NonRecordingSpan

from throughline_otel.interaction import with_interaction
from throughline_otel.place import EACH, Place
from throughline_otel.traceparent import conversation_parent

attributes = Place("attributes")
"""`attributes` of a body: of the conversation in `POST /api/v2/conversations/calls`, of the participant in
`PATCH /api/v2/conversations/{id}/participants/{id}/attributes`. The carrier that survives inside the platform."""

participant_attributes = Place("participants", EACH, "attributes")
"""`participants[].attributes` of a conversation as the API and the notifications show it."""

callback_data = Place("data")
"""`data` of `POST /api/v2/conversations/callbacks`, which becomes attributes of the conversation."""

custom_headers = Place("to", "customHeaders")
"""`to.customHeaders`, as some wrappers take it. The API itself has no such field: use `attributes` there."""

subscriptions = Place("subscriptions", EACH)
"""Each element of `subscriptions`, in the message that subscribes: headers of the handshake are stripped."""

message = Place("context")
"""`context` of any message."""


def conversation_context(conversation_id: object, context: Context | None = None) -> Context:
    """The context of a conversation of which only the id is known: the same for everybody who knows the id."""
    parent = conversation_parent(conversation_id)
    if parent is None:
        return get_current() if context is None else context
    return trace.set_span_in_context(NonRecordingSpan(parent), with_interaction(conversation_id, context))


def from_conversation(conversation: Any, context: Context | None = None) -> Context:
    """The context of a conversation as the API shows it: of attributes, the customer's before others', else of its id."""
    shown = conversation if isinstance(conversation, dict) else {}
    listed = shown.get("participants")
    participants = sorted(listed, key=_is_other) if isinstance(listed, list) else []
    return participant_attributes.extract({"participants": participants}, conversation_context(shown.get("id"), context))


def _is_other(participant: Any) -> bool:
    return not (isinstance(participant, dict) and participant.get("purpose") == "customer")
