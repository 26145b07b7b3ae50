"""The CRM service: `python app.py`. Reads HOST, PORT, DATABASE_URL and the OTEL_* variables."""

import tracing  # first: the SDK must stand before the modules that it instruments

import os
import signal
import socket
import sys
import threading

import uvicorn
from opentelemetry.instrumentation.utils import suppress_instrumentation

import database
from crm import create_app
from seed import seed


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    store = database.connect()
    try:
        with suppress_instrumentation():
            seed(store)
    except database.UNREACHABLE as error:
        sys.exit(f"cannot use the database that DATABASE_URL names: {error}")
    app = create_app(store)
    tracing.serve_traced(app)
    listener = listen(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000")))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
    print("listening on http://{}:{}".format(*listener.getsockname()), flush=True)
    if os.environ.get("STOP_WITH_STDIN") == "1":
        threading.Thread(target=stop_with_stdin, args=[server], daemon=True).start()
    try:
        server.run([listener])
    finally:
        tracing.provider.shutdown()
        store.close()


def listen(host, port):
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error.strerror}; set PORT to a free port")


def stop(_signal, _frame):
    """Uvicorn ends in good order and then raises the signal again, which must not take the last spans."""
    raise SystemExit(0)


def stop_with_stdin(server):
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
