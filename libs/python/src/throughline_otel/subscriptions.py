"""Who asked for which events, where the socket is the application's own: the rule of the receiver `genesys_cloud`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current

from throughline_otel import genesys
from throughline_otel.interaction import INTERACTION_ID, with_interaction

DETAIL_EVENTS = (
    "acd.start",
    "acd.end",
    "acw",
    "attributes",
    "contact",
    "customer.start",
    "customer.end",
    "flow.start",
    "flow.end",
    "flow.outcome",
    "outbound",
    "user.start",
    "user.end",
    "voicemail.start",
    "voicemail.end",
    "wrapup",
)
"""What detail events tell, each by a topic of its own."""

_MOST = 20_000
_WHOLE = ""
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class _Asked:
    span: trace.SpanContext
    one: bool


class Subscriptions:
    """The spans that asked for events, by channel and topic.

    The platform has no place for a context: handshakes lose it, and channels know topics alone. Events of the one
    conversation that a span asked for are spans below it; other events are spans of their own conversations, with a link
    to it.
    """

    def __init__(self, tracer_provider: trace.TracerProvider | None = None) -> None:
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._provider = tracer_provider

    def conversations(
        self, channel: str, ids: Iterable[str], events: Iterable[str] = DETAIL_EVENTS, context: Context | None = None
    ) -> list[str]:
        """The current span asks for the events of these conversations on a channel; the topics to subscribe to."""
        each, events = sorted({one.lower() for one in ids}), list(events)
        topics = [f"v2.detail.events.conversation.{one}.{event}" for one in each for event in events]
        self._remember(channel, topics, len(each) == 1, context)
        return topics

    def topics(self, channel: str, topics: Iterable[str], context: Context | None = None) -> None:
        """The current span asks for these topics on a channel."""
        self._remember(channel, topics, False, context)

    def message(self, socket: str, conversations: int, message: Any, context: Context | None = None) -> Any:
        """The message that subscribes to so many conversations on a socket of the pages' dialect, with the context in it."""
        self._remember(socket, [_WHOLE], conversations == 1, context)
        return genesys.subscriptions.inject(message, context)

    def end(self, channel: str) -> None:
        """Forgets what was asked for on a channel."""
        self._asked = {key: asked for key, asked in self._asked.items() if key[0] != channel}

    @contextmanager
    def process(self, channel: str, frame: Any) -> Iterator[trace.Span]:
        """A consumer span for a frame that is about a conversation; for others a span that is not recorded."""
        conversation = _conversation(frame)
        if conversation is None:
            yield trace.INVALID_SPAN
            return
        topic = frame["topicName"]
        asked = self._asked.get((channel, topic)) or self._asked.get((channel, _WHOLE))
        if asked is not None and asked.one:
            parent = with_interaction(conversation, get_current())
            parent = trace.set_span_in_context(trace.NonRecordingSpan(asked.span), parent)
        else:
            parent = genesys.from_conversation({"id": conversation, "participants": _participants(frame["eventBody"])})
        linked = asked is not None and not asked.one
        links = [trace.Link(asked.span, {"interaction.link.type": "subscription"})] if linked else []
        template, event = _parts(topic)
        attributes = {
            INTERACTION_ID: conversation,
            "messaging.system": "genesys_cloud",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.destination.template": template,
            "genesys_cloud.event.type": event,
        }
        tracer = trace.get_tracer("throughline_otel", tracer_provider=self._provider)
        # The interaction's baggage is for the work too, and not for its span alone.
        token = attach(parent)
        try:
            with tracer.start_as_current_span(
                f"process {template}", kind=trace.SpanKind.CONSUMER, attributes=attributes, links=links
            ) as span:
                yield span
        finally:
            detach(token)

    def _remember(self, channel: str, topics: Iterable[str], one: bool, context: Context | None) -> None:
        span = trace.get_current_span(context).get_span_context()
        for topic in topics:
            if span.is_valid:
                self._asked[channel, topic] = _Asked(span, one)
            else:
                self._asked.pop((channel, topic), None)
        while len(self._asked) > _MOST:
            del self._asked[next(iter(self._asked))]


def _conversation(frame: Any) -> str | None:
    """The conversation that a frame is about; none for heartbeats and the like."""
    topic = frame.get("topicName") if isinstance(frame, dict) else None
    body = frame.get("eventBody") if isinstance(frame, dict) else None
    if not isinstance(topic, str) or "conversation" not in topic or not isinstance(body, dict):
        return None
    ids = (body.get(name) for name in ("conversationId", "id"))
    return next((one for one in ids if isinstance(one, str) and one), None)


def _participants(body: dict[str, Any]) -> Any:
    """An event about participant data has those of one participant."""
    return body["participants"] if "participants" in body else [{"attributes": body.get("attributes")}]


def _parts(topic: str) -> tuple[str, str]:
    names = topic.split(".")
    is_id = [_UUID.fullmatch(name) is not None for name in names]
    template = ".".join("{id}" if one else name for name, one in zip(names, is_id))
    last = max((at for at, one in enumerate(is_id) if one), default=-1)
    return template, ".".join(names[last + 1 :])
