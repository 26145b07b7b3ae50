"""Reads a store with other engines and compares what they find with what the store says itself.

python read.py STORE EXPECTED.json spans [interactions] [billing=ROWS] [attr_keys=CHECK]
"""

import json
import os
import re
import sys
from pathlib import Path

import chdb
import duckdb
from deltalake import DeltaTable
from pyspark.sql import SparkSession

SETTINGS = "allow_experimental_delta_kernel_rs = 0, output_format_json_quote_64bit_integers = 0"
SPARK = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
}
DOCS = Path(__file__).parents[4] / "docs" / "store.md"


def views():
    """The queries that docs/store.md shows, by the name in the comment of their first line."""
    blocks = re.findall(r"```sql\n-- (\S+)[^\n]*\n(.*?)```", DOCS.read_text(), re.S)
    return {name: text.strip().rstrip(";") for name, text in blocks}


def delta_rs(store, table):
    """The table as delta-rs reads it, asked by DuckDB."""
    database = duckdb.connect()
    database.register("read", DeltaTable(f"{store}/{table}").to_pyarrow_table())
    return lambda sql: database.execute(sql.replace("{" + table + "}", "read")).fetchall()


def files(store, table):
    """DuckDB over the files that the log names."""
    active = DeltaTable(f"{store}/{table}").file_uris()
    source = f"read_parquet({active!r}, hive_partitioning = true, union_by_name = true)"
    return lambda sql: duckdb.query(sql.replace("{" + table + "}", source)).fetchall()


def clickhouse(store, table):
    """ClickHouse, through the log; it reads files below the working directory alone."""
    os.chdir(store)

    def ask(sql):
        sql = sql.replace("{" + table + "}", f"deltaLakeLocal('{table}')")
        # Its newer reader of Delta takes absolute paths alone, and the library no other than relative ones.
        answer = chdb.query(f"{sql} SETTINGS {SETTINGS}", "JSONCompact")
        return json.loads(str(answer))["data"]

    return ask


def spark(store, table):
    """Spark over the files that the log names."""
    home = {name: f"{store}/spark" for name in ("spark.sql.warehouse.dir", "spark.local.dir")}
    session = SparkSession.builder.master("local[1]").config(map={**home, **SPARK}).getOrCreate()
    active = DeltaTable(f"{store}/{table}").file_uris()
    files = session.read.option("basePath", f"{store}/{table}").option("mergeSchema", "true").parquet(*active)
    files.createOrReplaceTempView("read")
    return lambda sql: [tuple(row) for row in session.sql(sql.replace("{" + table + "}", "read")).collect()]


ENGINES = {"delta-rs": delta_rs, "DuckDB": files, "ClickHouse": clickhouse, "Spark": spark}


def spans(ask, view, expected):
    by_trace = {}
    rows = ask(
        f"SELECT trace_id, lower(hex(span_id)), CAST(duration_ns AS BIGINT), interaction_id FROM ({view}) AS counted"
    )
    for trace, span, duration, interaction in rows:
        known = by_trace.setdefault(trace, {"ids": [], "total_ns": 0, "interactions": set()})
        known["ids"].append(span)
        known["total_ns"] += duration
        if interaction:
            known["interactions"].add(interaction)
    found = {}
    for trace in by_trace.values():
        assert len(trace["interactions"]) == 1, trace
        (interaction,) = trace["interactions"]
        found[interaction] = (len(trace["ids"]), trace["total_ns"], sorted(trace["ids"]))
    wanted = {name: (len(known["ids"]), known["total_ns"], sorted(known["ids"])) for name, known in expected.items()}
    assert found == wanted, f"{found}\nis not\n{wanted}"


def interactions(ask, view, expected):
    rows = ask(f"SELECT interaction_id, CAST(spans AS BIGINT) FROM ({view}) AS folded")
    found = {name: count for name, count in rows}
    wanted = {name: known["rows"] for name, known in expected.items()}
    assert found == wanted, f"{found}\nis not\n{wanted}"


def billing(ask, expected):
    ((rows,),) = ask("SELECT count(*) FROM {spans} WHERE attr_interaction_queue_name = 'billing'")
    assert rows == expected, f"{rows} rows of the queue billing, not {expected}"


def attr_keys(ask, expected):
    ((check,),) = ask("SELECT sum(spans * length(key)) FROM {attr_keys}")
    assert check == expected, f"the keys of attributes amount to {check}, not {expected}"


def main():
    store, expected = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    known = views()
    for name, engine in ENGINES.items():
        for wanted in sys.argv[3:]:
            table, _, rows = wanted.partition("=")
            try:
                match table:
                    case "spans":
                        spans(engine(store, table), known[table], expected)
                    case "interactions":
                        interactions(engine(store, table), known[table], expected)
                    case "billing":
                        billing(engine(store, "spans"), int(rows))
                    case "attr_keys":
                        attr_keys(engine(store, table), int(rows))
            except Exception as error:
                raise SystemExit(f"{name}, {table}: {error}") from error


main()
