"""A place in a JSON body that carries context: the objects at a path, with a field for each header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import NonRecordingSpan

from throughline_otel.traceparent import format_traceparent, parse_traceparent

EACH = ""
"""In a path: every element of an array."""

_LONGEST_VALUE = 256
"""Values of attributes in Genesys Cloud are cut beyond this."""
_DEEPEST = 64
_PATH = re.compile(r"\$(\.[A-Za-z0-9_-]+|\[[0-9]+\])+")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]")
_NOTHING = object()


class Place:
    """The objects below these keys; `EACH` stands for every element of an array."""

    def __init__(self, *steps: str) -> None:
        self._steps = steps

    def inject(self, body: Any, context: Context | None = None) -> Any:
        """A copy of `body` with the context in it; without a span, or where the path meets no object, as it was."""
        span = trace.get_current_span(context).get_span_context()
        if not span.is_valid:
            return body
        headers = {"traceparent": format_traceparent(span)}
        tracestate = span.trace_state.to_header()
        if 0 < len(tracestate) <= _LONGEST_VALUE:
            headers["tracestate"] = tracestate

        def write(carrier: dict[str, Any]) -> dict[str, Any]:
            return {**{name: value for name, value in carrier.items() if name != "tracestate"}, **headers}

        return _change(body, self._steps, write)

    def extract(self, body: Any, context: Context | None = None) -> Context:
        """The context with the first usable `traceparent` at the place as its parent; else the context as it was."""
        context = get_current() if context is None else context
        for carrier in _at(body, self._steps):
            tracestate = carrier.get("tracestate")
            parent = parse_traceparent(carrier.get("traceparent"), tracestate if isinstance(tracestate, str) else None)
            if parent is not None:
                return trace.set_span_in_context(NonRecordingSpan(parent), context)
        return context


def map_paths(template: Any, source: Any) -> Any:
    """Fills a template whose text values are paths, as `$.context.traceparent` and `$.list[0].name`, from `source`.

    A member whose path leads nowhere is left out: the path itself must not go out as if it were a value.
    """
    filled = _fill(template, source, 0)
    return None if filled is _NOTHING else filled


def _fill(template: Any, source: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"the template is nested deeper than {_DEEPEST} levels")
    if isinstance(template, str):
        return _follow(template, source) if template.startswith("$.") else template
    if isinstance(template, list):
        items = (_fill(item, source, depth + 1) for item in template)
        return [item for item in items if item is not _NOTHING]
    if isinstance(template, dict):
        members = ((name, _fill(value, source, depth + 1)) for name, value in template.items())
        return {name: value for name, value in members if value is not _NOTHING}
    return template


def _follow(path: str, source: Any) -> Any:
    if _PATH.fullmatch(path) is None:
        raise ValueError(f"not a path of names and [numbers]: {path}")
    for name, number in _STEP.findall(path):
        if name and isinstance(source, dict) and name in source:
            source = source[name]
        elif number and isinstance(source, list) and int(number) < len(source):
            source = source[int(number)]
        else:
            return _NOTHING
    return source


def _change(value: Any, steps: tuple[str, ...], write: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if not steps:
        return write(value) if isinstance(value, dict) else value
    step, *rest = steps
    if step == EACH:
        return [_change(item, tuple(rest), write) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict):
        return value
    if step in value:
        return {**value, step: _change(value[step], tuple(rest), write)}
    return value if EACH in rest else {**value, step: _change({}, tuple(rest), write)}


def _at(value: Any, steps: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if not steps:
        if isinstance(value, dict):
            yield value
        return
    step, *rest = steps
    if step != EACH:
        if isinstance(value, dict):
            yield from _at(value.get(step), tuple(rest))
    elif isinstance(value, list):
        for item in value:
            yield from _at(item, tuple(rest))
