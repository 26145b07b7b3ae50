"""What the platform makes of an exported Data Action: the part of Velocity that request and response templates use.

`${input.name}` prints itself where the value is missing, `$!{input.name}` prints nothing; the same with
`$esc.jsonString(${input.name})` and `$!esc.jsonString(...)`. Anything else with a `$` or a `#` is refused, so that a
template which needs more than this cannot pass unseen.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid

_REFERENCE = re.compile(
    r"\$(?P<silent>!?)(?:\{(?P<plain>[\w.]+)\}|esc\.(?P<escape>\w+)\(\$!?\{(?P<escaped>[\w.]+)\}\))"
)
_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}


class Refused(Exception):
    """The action ends on its failure path."""


class DataAction:
    """`routes` says where hosts really are, as DNS would."""

    def __init__(self, contract: dict, routes: dict[str, str] | None = None) -> None:
        self._request = contract["config"]["request"]
        self._response = contract["config"]["response"]
        self._input = contract["contract"]["input"]["inputSchema"]
        self._output = contract["contract"]["output"]["successSchema"]
        self._routes = routes or {}

    def execute(self, given: dict) -> dict:
        method, url, headers, body = self.request(given)
        for host, place in self._routes.items():
            url = url.replace(host, place, 1)
        request = urllib.request.Request(url, body.encode(), headers, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"the service answered {error.code}: {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise Refused(f"the service cannot be reached: {error}") from error
        return self.response(raw)

    def request(self, given: dict) -> tuple[str, str, dict[str, str], str]:
        """Method, address, headers and body."""
        _check(given, self._input, "input")
        values = {"input": {**given, "rawRequest": json.dumps(given)}}
        url = render(self._request["requestUrlTemplate"], values)
        if not url.startswith("https://"):
            raise Refused(f"an address begins with https://: {url}")
        headers = {name: render(template, values) for name, template in self._request["headers"].items()}
        if any(re.search(r"[\r\n\0]", value) for value in headers.values()):
            raise Refused("a header's value has a line break")
        built_in = {"ININ-Correlation-Id": str(uuid.uuid4()), "ININ-Organization-Id": "organization-of-the-test"}
        body = render(self._request["requestTemplate"], values)
        return self._request["requestType"], url, {**headers, **built_in}, body

    def response(self, raw: bytes) -> dict:
        came = json.loads(raw)
        defaults = self._response["translationMapDefaults"]
        values = {"rawResult": raw.decode()}
        for name, path in self._response["translationMap"].items():
            found = came.get(path.removeprefix("$.")) if isinstance(came, dict) else None
            values[name] = defaults.get(name) if found is None else json.dumps(found)
        answer = json.loads(render(self._response["successTemplate"], values))
        _check(answer, self._output, "output")
        return answer


def render(template: str, values: dict) -> str:
    rest = _REFERENCE.sub("", template)
    if "$" in rest or "#" in rest:
        raise Refused(f"a template has more than references: {template}")
    return _REFERENCE.sub(lambda found: _value(found, values), template)


def _value(found: re.Match, values: dict) -> str:
    value: object = values
    for step in (found["plain"] or found["escaped"]).split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return "" if found["silent"] else found[0]
    text = value if isinstance(value, str) else json.dumps(value)
    if found["escape"] is None:
        return text
    if found["escape"] != "jsonString":
        raise Refused(f"not a macro of this stand-in: {found['escape']}")
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _check(value: dict, schema: dict, what: str) -> None:
    missing = [name for name in schema.get("required", ()) if value.get(name) is None]
    if missing:
        raise Refused(f"{what} lacks {', '.join(missing)}")
    for name, property_schema in schema["properties"].items():
        kind = _TYPES[property_schema["type"]]
        given = value.get(name)
        if given is not None and (not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool)):
            raise Refused(f"{what}: {name} is not of type {property_schema['type']}")
