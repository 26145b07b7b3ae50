"""Keeps account of what an exporter delivered, in the form that the tests read."""

import json
import logging
import sys

_troubles = []


class Troubles(logging.Handler):
    def emit(self, record):
        _troubles.append(record.getMessage())


def witness(exporter):
    """Makes the exporter remember what was delivered."""
    exporter.delivered = []
    send = exporter.export

    def export(items, *args, **kwargs):
        result = send(items, *args, **kwargs)
        if result.name == "SUCCESS":
            exporter.delivered.extend(items if isinstance(items, (list, tuple)) else [items])
        else:
            _troubles.append(f"not delivered: {result}")
        return result

    exporter.export = export
    return exporter


def settle(account):
    """Prints the account as one line, and ends the process: with 0 only if all went well."""
    if not account["spans"]:
        _troubles.append("no span was delivered")
    print(json.dumps(account))
    for trouble in _troubles:
        print(trouble, file=sys.stderr)
    sys.exit(1 if _troubles else 0)


def describe_span(span):
    return {
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "kind": span.kind.name.lower(),
        "start_ns": str(span.start_time),
        "end_ns": str(span.end_time),
        "status": {"code": span.status.status_code.name.lower(), "message": span.status.description or ""},
        "attributes": _describe(span.attributes),
        "resource": _describe(span.resource.attributes),
        "scope": span.instrumentation_scope.name,
        "events": [
            {"name": event.name, "time_ns": str(event.timestamp), "attributes": _describe(event.attributes)}
            for event in span.events
        ],
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "attributes": _describe(link.attributes),
            }
            for link in span.links
        ],
    }


def _describe(attributes):
    return {key: _describe_value(value) for key, value in (attributes or {}).items()}


def _describe_value(value):
    match value:
        case bool():
            return {"type": "bool", "value": value}
        case int():
            return {"type": "int", "value": str(value)}
        case float():
            return {"type": "double", "value": value}
        case str():
            return {"type": "string", "value": value}
        case bytes():
            return {"type": "bytes", "value": value.hex()}
        case list() | tuple():
            return {"type": "array", "value": [_describe_value(element) for element in value]}
    raise TypeError(f"no test sends a {type(value)}")
