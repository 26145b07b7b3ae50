"""Asks over Flight SQL: `place.py grpc://host:port PLACE STATEMENT`; prints where it was worked out, and the rows, as JSON."""

import json
import sys

import pyarrow.flight

address, place, statement = sys.argv[1:]


class Headers(pyarrow.flight.ClientMiddlewareFactory, pyarrow.flight.ClientMiddleware):
    """What calls were answered with."""

    told = {}

    def start_call(self, info):
        return self

    def sending_headers(self):
        return {"on": place}

    def received_headers(self, headers):
        # Once with those before an answer, once with those after it.
        self.told.update(headers)

    def call_completed(self, exception):
        pass


def put(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
command = put(1, kind) + put(2, put(1, statement.encode()))
headers = Headers()
with pyarrow.flight.connect(address, middleware=[headers]) as client:
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command))
    rows = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
json.dump([headers.told["throughline-worked"], rows], sys.stdout)
