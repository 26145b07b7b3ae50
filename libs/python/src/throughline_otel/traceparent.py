"""`traceparent` of W3C Trace Context: version 00 exactly, later versions as far as 00 goes."""

from __future__ import annotations

import re

from opentelemetry.trace import Link, SpanContext, TraceFlags, TraceState

_SHAPE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SAMPLED = 1
_KNOWN_FLAGS = 3


def parse_traceparent(text: object, tracestate: str | None = None) -> SpanContext | None:
    """The span that a `traceparent` names; nothing if it cannot be used."""
    found = _SHAPE.fullmatch(_trim(text)) if isinstance(text, str) else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return None
    state = TraceState.from_header([tracestate]) if tracestate else None
    return _remote(int(trace_id, 16), int(span_id, 16), int(flags, 16) & _KNOWN_FLAGS, state)


def format_traceparent(span: SpanContext) -> str:
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & _KNOWN_FLAGS:02x}"


def conversation_parent(uuid: object) -> SpanContext | None:
    """The root span that a conversation has by rule where no context could be carried.

    The trace id is the UUID without dashes, the span id its first 16 digits. Nothing for text that is not a UUID.
    """
    if not isinstance(uuid, str) or _UUID.fullmatch(uuid) is None:
        return None
    trace_id = uuid.replace("-", "")
    return _remote(int(trace_id, 16), int(trace_id[:16], 16) or 1, _SAMPLED)


def previous_trace_link(value: object, source: str = "previous-trace-id") -> Link | None:
    """A link to the trace that a call was in before its context was lost.

    The value is a trace id or a `traceparent`; with a bare trace id the span is unknown, which is written as zero.
    """
    if not isinstance(value, str):
        return None
    context = parse_traceparent(value)
    if context is None:
        bare = _TRACE_ID.fullmatch(_trim(value))
        if bare is None or int(bare[0], 16) == 0:
            return None
        context = SpanContext(int(bare[0], 16), 0, is_remote=True)
    return Link(context, {"throughline.context.source": source})


def _remote(trace_id: int, span_id: int, flags: int, state: TraceState | None = None) -> SpanContext | None:
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state)
    return context if context.is_valid else None


def _trim(text: str) -> str:
    """Optional white space of HTTP is spaces and tabs alone."""
    return text.strip(" \t")
