"""Stands in for a ClickHouse server: its engine (chdb) behind the part of its HTTP interface that Throughline uses.

python server.py DIRECTORY [PORT]

Prints the port. Each request has a connection of its own, with the settings of its address; the statement is in the body, or
for INSERT in `query` with the rows in the body. Errors have the status, header and text that the server gives them.
SHIM_USER and SHIM_PASSWORD are who may ask. `POST /lose` makes the next INSERT happen and its answer get lost.
"""

import os
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import chdb

DIRECTORY = sys.argv[1]
WHO = (os.environ.get("SHIM_USER", "default"), os.environ.get("SHIM_PASSWORD", ""))
# Of the HTTP interface alone; this one always waits for the end.
NOT_OF_THE_ENGINE = {"wait_end_of_query", "buffer_size"}
STATUS = {516: 403, 497: 403, 60: 404, 81: 404, 159: 408, 62: 400, 47: 404}
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.I)
INSERT = re.compile(r"^\s*(INSERT\s+INTO\s.*\))\s*FORMAT\s+(\w+)\s*$", re.I | re.S)


class Refused(Exception):
    pass


def run(statement, settings, database, wanted, rows):
    connection = chdb.connect(DIRECTORY)
    try:
        if database:
            connection.query(f"USE `{database}`", "TSV")
        # Nothing can be set after this one.
        for name in sorted(settings, key=lambda name: name == "readonly"):
            if not re.fullmatch(r"\w+", name):
                raise Refused(f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
            value = settings[name].replace("\\", "\\\\").replace("'", "\\'")
            connection.query(f"SET {name} = '{value}'", "TSV")
        insert = INSERT.match(statement)
        if not insert:
            return connection.query(statement, wanted).bytes()
        with tempfile.NamedTemporaryFile(dir=DIRECTORY, prefix="rows-", delete=False) as file:
            file.write(rows)
        try:
            connection.query(f"{insert[1]} FROM INFILE '{file.name}' FORMAT {insert[2]}", "TSV")
            return b""
        finally:
            os.unlink(file.name)
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lose = False

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        address = urlsplit(self.path)
        if address.path == "/lose":
            Handler.lose = True
            return self.answer(200, b"")
        settings = dict(parse_qsl(address.query, keep_blank_values=True))
        statement = settings.pop("query", None)
        if statement is None:
            statement, body = body.decode(), b""
        wanted = settings.pop("default_format", "TabSeparated")
        told = FORMAT.search(statement)
        database = settings.pop("database", "")
        settings = {name: value for name, value in settings.items() if name not in NOT_OF_THE_ENGINE}
        try:
            user, key = (self.headers.get(name, "").encode("latin-1").decode() for name in ("X-ClickHouse-User", "X-ClickHouse-Key"))
            if (user, key) != WHO:
                raise Refused(f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)")
            answer = run(statement, settings, database, wanted, body)
        except Exception as error:
            text = str(error)
            code = re.match(r"Code: (\d+)", text)
            number = int(code[1]) if code else 1002
            return self.answer(STATUS.get(number, 500), f"{text} (version {chdb.engine_version})\n".encode(), [("X-ClickHouse-Exception-Code", str(number))])
        if Handler.lose and INSERT.match(statement):
            Handler.lose = False
            self.close_connection = True
            return None
        return self.answer(200, answer, [("X-ClickHouse-Format", told[1] if told else wanted)])

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    # The engine stays with its directory as long as one connection is open.
    _stay = chdb.connect(DIRECTORY)
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


main()
