"""Asks a throughline over Flight SQL as ADBC does: `ask.py grpc://host:port`; prints what came as JSON."""

import json
import sys

from adbc_driver_flightsql import DatabaseOptions, dbapi

address = sys.argv[1]


def connect(**headers):
    prefix = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value
    options = {prefix + name.replace("_", "-"): str(value) for name, value in headers.items()}
    return dbapi.connect(address, db_kwargs=options, autocommit=True)


def refused(connection, statement):
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
            cursor.fetch_arrow_table()
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
                found.append({"name": name, "type": table["table_type"], "columns": columns})
    return found


with connect() as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT stage, count(*) AS spans, max(duration_ns) AS longest FROM spans GROUP BY stage ORDER BY stage")
        stages = cursor.fetch_arrow_table()
        cursor.execute("SELECT * FROM spans ORDER BY start_ns")
        whole = cursor.fetch_arrow_table()
        cursor.execute("SHOW TABLES")
        shown = sorted(row[2] for row in cursor.fetchall() if row[1] == "store")
        cursor.execute("SELECT repeat('x', 1000) AS text FROM generate_series(1, 9000)")
        large = cursor.fetch_arrow_table()
    answer = {
        "stages": stages.to_pylist(),
        "columns of stages": [f"{field.name}: {field.type}" for field in stages.schema],
        "rows": whole.num_rows,
        "columns": whole.num_columns,
        "shown": shown,
        "large": [large.num_rows, sum(len(text) for text in large.column("text").to_pylist())],
        "schema": [f"{field.name}: {field.type}" for field in connection.adbc_get_table_schema("interactions")][:3],
        "types": connection.adbc_get_table_types(),
        "tables": [{**table, "columns": table["columns"][:2]} for table in tables(connection)],
        "only": [table["name"] for table in tables(connection, table_name_filter="spans%")],
        "none": tables(connection, table_name_filter="it's"),
        "refused": [
            refused(connection, statement)
            for statement in ["DROP TABLE spans", "SELECT nothing FROM spans", "SELECT", "SELECT * FROM generate_series(1, 10001)"]
        ],
    }
with connect(max_rows=2) as connection:
    answer["refused"].append(refused(connection, "SELECT * FROM spans"))
json.dump(answer, sys.stdout, indent=1)
