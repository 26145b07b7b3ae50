"""Asks a throughline over Flight SQL as ADBC does: `ask.py grpc://host:port token password`; prints what came as JSON.

The token is that of a viewer, the password that of the user `ann`, who may ask in SQL.
"""

import json
import sys

import pyarrow.flight
from adbc_driver_flightsql import DatabaseOptions, dbapi

address, token, password = sys.argv[1:]
ANN = {"username": "ann", "password": password}
VIEWER = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}


def connect(who=ANN, **headers):
    prefix = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
    options = {prefix + name.replace("_", "-"): str(value) for name, value in headers.items()}
    return dbapi.connect(address, db_kwargs=who | options, autocommit=True)


def ask(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetch_arrow_table()


def refused(connection, statement):
    try:
        ask(connection, statement)
    except dbapi.Error as error:
        return [type(error).__name__, str(error).split("\n")[0]]
    raise SystemExit(f"{statement} was not refused")


def tables(connection, **filters):
    found = []
    for catalog in connection.adbc_get_objects(depth="all", **filters).read_all().to_pylist():
        for schema in catalog["catalog_db_schemas"] or []:
            for table in schema["db_schema_tables"] or []:
                name = ".".join([catalog["catalog_name"], schema["db_schema_name"], table["table_name"]])
                columns = [column["column_name"] for column in table["table_columns"] or []]
                found.append({"name": name, "type": table["table_type"], "columns": columns[:2]})
    return found


def described(schema):
    return [f"{field.name}: {field.type}" for field in schema]


def asked_by_the_other_client(statement):
    """Arrow's own client in C++, which knows Flight and leaves Flight SQL to others."""

    def put(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    kind = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    command = put(1, kind) + put(2, put(1, statement.encode()))
    with pyarrow.flight.connect(address) as client:
        token = client.authenticate_basic_token("ann", password)
        options = pyarrow.flight.FlightCallOptions(headers=[token])
        descriptor = pyarrow.flight.FlightDescriptor.for_command(command)
        info = client.get_flight_info(descriptor, options)
        table = client.do_get(info.endpoints[0].ticket, options).read_all()
        assert client.get_schema(descriptor, options).schema == table.schema
        return table.to_pylist()


with connect() as connection:
    stages = ask(
        connection,
        "SELECT stage, count(*) AS spans, max(duration_ns) AS longest FROM spans GROUP BY stage ORDER BY stage",
    )
    whole = ask(connection, "SELECT * FROM spans ORDER BY start_ns")
    nobody = ask(connection, "SELECT name, start FROM spans WHERE name = 'nobody'")
    large = ask(connection, "SELECT repeat('x', 1000) AS text FROM generate_series(1, 9000)")
    with connection.cursor() as cursor:
        cursor.adbc_prepare("SELECT name FROM spans ORDER BY name")
        # The second time it is asked by its handle again.
        prepared = [cursor.execute("SELECT name FROM spans ORDER BY name").fetchall() for _ in range(2)]
        foreseen = cursor.adbc_execute_schema("SELECT name, duration_ms FROM spans")
    info = connection.adbc_get_info()
    answer = {
        "stages": stages.to_pylist(),
        "columns of stages": described(stages.schema),
        "rows": whole.num_rows,
        "names of columns": whole.schema.names == connection.adbc_get_table_schema("spans").names,
        "nobody": [nobody.num_rows, described(nobody.schema)],
        "large": [large.num_rows, sum(len(text) for text in large.column("text").to_pylist()), large.column("text").num_chunks],
        "by the other client": asked_by_the_other_client("SELECT name FROM spans ORDER BY name"),
        "prepared": prepared,
        "foreseen": described(foreseen),
        "vendor": info["vendor_name"],
        "interactions": described(connection.adbc_get_table_schema("interactions"))[:3],
        "types": connection.adbc_get_table_types(),
        "tables": tables(connection),
        "only": [table["name"] for table in tables(connection, table_name_filter="spans%")],
        "none": tables(connection, table_name_filter="it's"),
        "refused": [
            refused(connection, statement)
            for statement in [
                "DROP TABLE spans",
                "SELECT nothing FROM spans",
                "SELECT",
                "SELECT * FROM generate_series(1, 10001)",
            ]
        ],
    }
    # What is begun and left ends by itself; more of that than there are places.
    for _ in range(5):
        with connection.cursor() as cursor:
            cursor.execute("SELECT repeat('x', 1000) AS text FROM generate_series(1, 9999)")
            cursor.fetch_record_batch().read_next_batch()
            cursor.adbc_cancel()
    answer["after that"] = ask(connection, "SELECT count(*) AS spans FROM spans").to_pylist()
with connect(max_rows=2) as connection:
    answer["refused"].append(refused(connection, "SELECT * FROM spans"))
with connect(VIEWER) as connection:
    answer["refused"].append(refused(connection, "SELECT * FROM spans"))
for who in [{}, ANN | {"password": "guessed"}]:
    try:
        with connect(who) as connection:
            answer["refused"].append(refused(connection, "SELECT * FROM spans"))
    except dbapi.Error as error:
        answer["refused"].append([type(error).__name__, str(error).split("\n")[0]])
json.dump(answer, sys.stdout, indent=1)
