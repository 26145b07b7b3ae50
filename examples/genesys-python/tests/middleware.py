"""The real Node service of ../node-service, between a made-up CRM and a made-up collector."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "node-service"
ANSWERS = {
    "/customers/search": {"id": 5, "name": "Inês Dvořák", "segment": "private"},
    "/customers/5/orders": [],
    "/v1/traces": {},
}


class Middleware:
    """Started on entry; at the end it has sent its spans."""

    def __enter__(self):
        assert (FOLDER / "node_modules/.installed").exists(), f"{FOLDER}: run scripts/setup-examples.sh"
        self._bodies = []
        self._around = ThreadingHTTPServer(("127.0.0.1", 0), self._request_class())
        threading.Thread(target=self._around.serve_forever, args=[0.02], daemon=True).start()
        around = "http://127.0.0.1:{}".format(self._around.server_address[1])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        settings = {"CRM_URL": around, "OTEL_EXPORTER_OTLP_ENDPOINT": around, "PORT": "0", "STOP_WITH_STDIN": "1"}
        self._service = subprocess.Popen(
            ["node", "--import", "./tracing.mjs", "server.mjs"],
            cwd=FOLDER,
            env={**inherited, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._service.stdout.readline().removeprefix("listening on ").strip()
        return self

    def __exit__(self, *_):
        self._service.communicate(timeout=30)
        self._around.shutdown()
        self._around.server_close()

    def span(self, name):
        """The one span of this name; known at the end."""
        resources = [resource for body in self._bodies for resource in body["resourceSpans"]]
        scopes = [scope for resource in resources for scope in resource["scopeSpans"]]
        (found,) = [span for scope in scopes for span in scope["spans"] if span["name"] == name]
        return found

    def _request_class(self):
        bodies = self._bodies

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                sent = _body(self)
                if self.path == "/v1/traces":
                    bodies.append(json.loads(sent))
                content = json.dumps(ANSWERS[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        return Request


def _body(request):
    """With a length, or in chunks, as the exporter for Node sends it."""
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    sent = b""
    while size := int(request.rfile.readline(), 16):
        sent += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return sent
