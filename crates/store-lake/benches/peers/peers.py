"""The same spans in DuckDB and in ClickHouse (chdb), asked the same questions. Prints one JSON object.

python peers.py RAW.parquet QUESTIONS.json FOLDER
"""

import json
import os
import sys
import time
from pathlib import Path

import chdb
import duckdb
from chdb import session

# The table that the ClickHouse exporter of the OpenTelemetry Collector makes, with its indexes.
OTEL = """
CREATE TABLE otel.traces (
  Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
  ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)), SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind LowCardinality(String) CODEC(ZSTD(1)), ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)), SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  Duration UInt64 CODEC(ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)), StatusMessage String CODEC(ZSTD(1)),
  Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  INDEX by_trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX by_resource_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_resource_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;
CREATE TABLE otel.traces_times (
  TraceId String CODEC(ZSTD(1)), Start DateTime CODEC(Delta, ZSTD(1)), End DateTime CODEC(Delta, ZSTD(1)),
  INDEX by_trace TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Start) ORDER BY (TraceId, Start) SETTINGS index_granularity = 8192;
CREATE MATERIALIZED VIEW otel.traces_times_view TO otel.traces_times AS
  SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM otel.traces WHERE TraceId != '' GROUP BY TraceId;
"""
OTEL_INSERT = """
INSERT INTO otel.traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes,
  Duration, StatusCode)
SELECT fromUnixTimestamp64Nano(start_ns), trace_id, span_id, parent_span_id, name, kind, service,
  map('service.name', service, 'host.name', host, 'k8s.pod.name', pod),
  mapConcat(map('interaction.id', interaction_id, 'interaction.queue.name', queue, 'interaction.region', region,
    'interaction.channel', channel, 'interaction.agent.id', agent_id, 'tenant', tenant),
    if(stage = '', map(), map('interaction.stage', stage)), attrs),
  toUInt64(duration_ns), status
FROM file('{raw}', Parquet)
"""
# Our order and columns in ClickHouse, as far as it has the same.
ORDERED = """
CREATE TABLE ordered.spans (
  interaction_id String CODEC(ZSTD(3)), trace_id FixedString(16) CODEC(ZSTD(3)), start_ns Int64 CODEC(Delta, ZSTD(3)),
  duration_ns Int64 CODEC(T64, ZSTD(3)), span_id FixedString(8) CODEC(ZSTD(3)), parent_span_id String CODEC(ZSTD(3)),
  name LowCardinality(String), kind LowCardinality(String), service LowCardinality(String), stage LowCardinality(String),
  status LowCardinality(String), queue LowCardinality(String), region LowCardinality(String), channel LowCardinality(String),
  tenant LowCardinality(String), agent_id LowCardinality(String), host LowCardinality(String), pod LowCardinality(String),
  attrs Map(LowCardinality(String), String) CODEC(ZSTD(3)),
  INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX by_value mapValues(attrs) TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree ORDER BY (interaction_id, trace_id, start_ns);
"""
ORDERED_INSERT = """
INSERT INTO ordered.spans SELECT interaction_id, unhex(trace_id), start_ns, duration_ns, unhex(span_id), unhex(parent_span_id), name, kind,
  service, stage, status, queue, region, channel, tenant, agent_id, host, pod, attrs FROM file('{raw}', Parquet)
"""


def spread(ask, questions):
    """The middle one and the 95th of a hundred, and the CPU of one on average, in milliseconds; each has to have an answer."""
    ask(questions[0])
    took, used = [], time.process_time()
    for question in questions:
        began = time.perf_counter()
        rows = ask(question)
        took.append((time.perf_counter() - began) * 1e3)
        assert rows, question
    used = (time.process_time() - used) * 1e3 / len(took)
    took.sort()
    return [*(took[int(len(took) * part)] for part in (0.5, 0.95)), used]


def measure(ask, asked, templates):
    return {
        name: spread(ask, [templates[name].format(id=id, **asked) for id in asked.get(name, [""] * 10)])
        for name in templates
    }


def timed(work):
    began, used = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - began, "cpu": time.process_time() - used}


def templates(table, interaction, trace, needle, common, duration, queue, service, percentiles):
    return {
        "interaction": f"SELECT * FROM {table} WHERE {interaction}",
        "trace": f"SELECT * FROM {table} WHERE {trace}",
        "needle": f"SELECT * FROM {table} WHERE {needle}",
        "common": f"SELECT * FROM {table} WHERE {common}",
        "percentiles": f"SELECT {queue}, {service}, {percentiles.format(duration)} FROM {table} GROUP BY 1, 2",
    }


def duck(raw, asked, folder):
    path = folder / "native.duckdb"
    database = duckdb.connect(str(path))
    database.execute("SET threads = 2")
    load = f"CREATE TABLE spans AS SELECT * FROM read_parquet('{raw}') ORDER BY interaction_id, trace_id, start_ns"
    cost = timed(lambda: (database.execute(load), database.execute("CHECKPOINT")))
    ask = lambda sql: database.execute(sql).fetchall()
    same = dict(interaction="interaction_id = '{id}'", trace="trace_id = '{id}'", duration="duration_ns", queue="queue", service="service")
    exact = "quantile_cont({0}, [0.5, 0.95, 0.99])"
    some = "{0} = '{{model}}' AND status = '{1}' AND start_ns BETWEEN {{from}} AND {{to}}"
    native = measure(ask, asked, templates("spans", needle="attrs['caller.hash'] = '{id}'", common=some.format("attrs['llm.model']", "ERROR"),
                                           percentiles=exact, **same))
    files = f"read_parquet({asked['files']!r}, hive_partitioning = true, union_by_name = true)"
    ours = measure(ask, asked, templates(files, needle="attr_caller_hash = '{id}'", common=some.format("attr_llm_model", "error"),
                                         percentiles=exact, **same))
    database.close()
    return {"duckdb": {"bytes": path.stat().st_size, "load": cost, **native}, "duckdb over ours": ours}


def clickhouse(raw, asked, folder):
    os.chdir(Path(raw).parent)
    name = Path(raw).name
    database = session.Session(str(folder / "clickhouse"))

    def ask(sql):
        return len(database.query(sql + " SETTINGS max_threads = 2", "Native").bytes())

    def table(schema, definition, insert, also, **questions):
        database.query(f"CREATE DATABASE {schema}")
        for statement in definition.split(";"):
            if statement.strip():
                database.query(statement)
        cost = timed(lambda: database.query(insert.format(raw=name)))
        for one in also:
            database.query(f"OPTIMIZE TABLE {schema}.{one} FINAL")
        size = f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '{schema}'"
        size = int(str(database.query(size, "CSV")).strip())
        return {"bytes": size, "load": cost, **measure(ask, asked, templates(**questions))}

    exact = "quantilesExact(0.5, 0.95, 0.99)({0})"
    times = "(SELECT {}({}) FROM otel.traces_times WHERE TraceId = '{{id}}')"
    trace = f"TraceId = '{{id}}' AND Timestamp >= {times.format('min', 'Start')} AND Timestamp <= {times.format('max', 'End')} + 1"
    otel = table("otel", OTEL, OTEL_INSERT, ["traces", "traces_times"], table="otel.traces",
                 interaction="SpanAttributes['interaction.id'] = '{id}'", trace=trace, needle="SpanAttributes['caller.hash'] = '{id}'",
                 common="SpanAttributes['llm.model'] = '{model}' AND StatusCode = 'ERROR' AND Timestamp BETWEEN fromUnixTimestamp64Nano(toInt64({from})) "
                 "AND fromUnixTimestamp64Nano(toInt64({to}))",
                 duration="Duration", queue="SpanAttributes['interaction.queue.name']", service="ServiceName", percentiles=exact)
    ordered = table("ordered", ORDERED, ORDERED_INSERT, ["spans"], table="ordered.spans", interaction="interaction_id = '{id}'",
                    trace="trace_id = unhex('{id}')", needle="attrs['caller.hash'] = '{id}'",
                    common="attrs['llm.model'] = '{model}' AND status = 'ERROR' AND start_ns BETWEEN {from} AND {to}",
                    duration="duration_ns", queue="queue", service="service", percentiles=exact)
    return {"clickhouse, otel": otel, "clickhouse, our order": ordered}


def main():
    raw, asked, folder = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
    versions = {"duckdb": duckdb.__version__, "chdb": chdb.__version__}
    print(json.dumps({"versions": versions, "engines": {**duck(raw, asked, folder), **clickhouse(raw, asked, folder)}}))


main()
