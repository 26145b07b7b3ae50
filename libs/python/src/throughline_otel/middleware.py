"""The rest of a request is inside its interaction, for ASGI (FastAPI, Starlette) and WSGI (Flask, Django)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from throughline_otel.interaction import in_interaction
from throughline_otel.start import served

Scope = dict[str, Any]
Asgi = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AsgiInteraction:
    """`id_of(scope)` names the interaction; without it requests are only counted, for a start that comes too late."""

    def __init__(self, app: Asgi, id_of: Callable[[Scope], object] | None = None) -> None:
        self._app = app
        self._id_of = id_of

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        served()
        with in_interaction(self._id_of(scope) if self._id_of else None):
            await self._app(scope, receive, send)


class WsgiInteraction:
    """The same for WSGI: `id_of(environ)` names the interaction, also while the body is produced."""

    def __init__(self, app: Wsgi, id_of: Callable[[dict[str, Any]], object] | None = None) -> None:
        self._app = app
        self._id_of = id_of

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        served()
        interaction = self._id_of(environ) if self._id_of else None
        with in_interaction(interaction):
            body = self._app(environ, start_response)
        return _Body(body, interaction)


class _Body:
    """Each part is made inside the interaction; the context is never left attached between two parts."""

    def __init__(self, body: Iterable[bytes], interaction: object) -> None:
        self._body = body
        self._parts = iter(body)
        self._interaction = interaction

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with in_interaction(self._interaction):
            return next(self._parts)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
