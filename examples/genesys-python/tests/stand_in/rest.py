"""HTTP: routes, tokens, error bodies, and CORS as a gateway has it that knows its own headers alone."""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ID = "([^/]+)"
API = "/api/v2"
ROUTES = [
    ("POST", f"{API}/conversations/calls", "call_as_client"),
    ("POST", f"{API}/conversations/calls/user/{ID}", "call_for_user"),
    ("GET", f"{API}/conversations/{ID}", "conversation"),
    ("PATCH", f"{API}/conversations/calls/{ID}/participants/{ID}", "change_participant"),
    ("POST", f"{API}/notifications/channels", "open_channel"),
    ("PUT", f"{API}/notifications/channels/{ID}/subscriptions", "subscribe"),
    ("POST", f"{API}/integrations/actions/{ID}/execute", "execute"),
]
LONGEST_BODY = 1 << 20


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Rest:
    def __init__(self, platform: object, token: str) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _request_class(platform, token))
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:{}".format(self._server.server_address[1])

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _request_class(platform: object, token: str) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            path = urlsplit(self.path).path
            sent = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY))
            try:
                status, body = self._token(sent) if path == "/oauth/token" else self._api(path, sent)
            except Refused as error:
                status = error.status
                body = {"message": str(error), "code": error.code, "status": status, "details": [], "errors": []}
            self._answer(status, body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

        def do_OPTIONS(self) -> None:
            self._answer(204, None)

        def log_message(self, *_: object) -> None:
            pass

        def _token(self, sent: bytes) -> tuple[int, object]:
            _, _, coded = (self.headers.get("Authorization") or "").partition(" ")
            user, _, password = base64.b64decode(coded).decode().partition(":")
            return platform.token(user, password, parse_qs(sent.decode()))

        def _api(self, path: str, sent: bytes) -> tuple[int, object]:
            # No path of the API is a WebSocket: the gateway reads no token from a handshake.
            if self.headers.get("Upgrade") or self.headers.get("Authorization") != f"Bearer {token}":
                raise Refused(401, "bad.credentials", "Invalid login credentials.")
            for method, pattern, name in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == self.command:
                    body = [] if method == "GET" else [_json(sent)]
                    return getattr(platform, name)(*found.groups(), *body)
            raise Refused(404, "not.found", "The requested resource was not found.")

        def _answer(self, status: int, body: object) -> None:
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("ININ-Correlation-Id", str(uuid.uuid4()))
            self.send_header("Access-Control-Allow-Origin", "*")
            if self.command == "OPTIONS":
                self.send_header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
                self.send_header("Access-Control-Allow-Headers", "authorization, content-type")
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Request


def _json(sent: bytes) -> object:
    try:
        return json.loads(sent) if sent else None
    except ValueError as error:
        raise Refused(400, "bad.request", "The request could not be understood by the server.") from error
