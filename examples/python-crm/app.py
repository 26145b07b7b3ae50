"""The CRM service: `python app.py`. Reads HOST, PORT, DATABASE_URL and the OTEL_* variables."""

import tracing  # first: the SDK must stand before the modules that it instruments

import os
import signal
import sys
import threading

from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from waitress.server import create_server

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
    FlaskInstrumentor().instrument_app(app, excluded_urls="/health$")
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    try:
        server = create_server(app, host=host, port=port, threads=8, ident=None)
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error.strerror}; set PORT to a free port")
    print(f"listening on http://{server.effective_host}:{server.effective_port}", flush=True)
    if os.environ.get("STOP_WITH_STDIN") == "1":
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    try:
        server.run()
    finally:
        tracing.provider.shutdown()
        store.close()


def stop(_signal, _frame):
    raise SystemExit(0)


def stop_with_stdin():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
