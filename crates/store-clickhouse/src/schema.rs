//! The tables, which we make, and whose format we remember there.

use store_api::StoreError;

use crate::settings::Settings;

/// What this throughline writes. One that finds a higher one leaves all alone.
pub(crate) const FORMAT: u64 = 1;

pub(crate) struct Column {
    pub(crate) name: &'static str,
    kind: &'static str,
    codec: &'static str,
}

const fn column(name: &'static str, kind: &'static str, codec: &'static str) -> Column {
    Column { name, kind, codec }
}

const TEXT: &str = "LowCardinality(String)";
const MAYBE: &str = "LowCardinality(Nullable(String))";

/// As in the embedded store, but that no interaction is the empty text: it is what the rows are sorted by.
pub(crate) const SPANS: &[Column] = &[
    column("interaction_id", "String", "ZSTD(1)"),
    column("trace_id", "String", "ZSTD(1)"),
    column("start_ns", "Int64", "Delta, ZSTD(1)"),
    column("duration_ns", "Int64", "ZSTD(1)"),
    column("span_id", "FixedString(8)", "NONE"),
    column("parent_span_id", "Nullable(FixedString(8))", "ZSTD(1)"),
    column("name", TEXT, "ZSTD(1)"),
    column("kind", TEXT, "ZSTD(1)"),
    column("service", TEXT, "ZSTD(1)"),
    column("stage", MAYBE, "ZSTD(1)"),
    column("status", TEXT, "ZSTD(1)"),
    column("status_message", "String", "ZSTD(1)"),
    column("queue", MAYBE, "ZSTD(1)"),
    column("region", MAYBE, "ZSTD(1)"),
    column("channel", MAYBE, "ZSTD(1)"),
    column("direction", MAYBE, "ZSTD(1)"),
    column("agent_id", MAYBE, "ZSTD(1)"),
    column("outcome", MAYBE, "ZSTD(1)"),
    column("http_status_code", "Nullable(Int64)", "ZSTD(1)"),
    column("revision", "Int64", "ZSTD(1)"),
    column("finished", "Bool", "ZSTD(1)"),
    column("trace_state", TEXT, "ZSTD(1)"),
    column("flags", "UInt32", "ZSTD(1)"),
    column("dropped_attributes", "UInt32", "ZSTD(1)"),
    column("dropped_events", "UInt32", "ZSTD(1)"),
    column("dropped_links", "UInt32", "ZSTD(1)"),
    column("attr_str", "Map(LowCardinality(String), String)", "ZSTD(1)"),
    column("attr_int", "Map(LowCardinality(String), Int64)", "ZSTD(1)"),
    column("attr_double", "Map(LowCardinality(String), Float64)", "ZSTD(1)"),
    column("attr_bool", "Map(LowCardinality(String), Bool)", "ZSTD(1)"),
    column("attr_json", "Map(LowCardinality(String), String)", "ZSTD(1)"),
    column("resource_str", "Map(LowCardinality(String), String)", "ZSTD(1)"),
    column("resource_json", "Map(LowCardinality(String), String)", "ZSTD(1)"),
    column("scope_name", TEXT, "ZSTD(1)"),
    column("scope_version", TEXT, "ZSTD(1)"),
    column("scope_json", TEXT, "ZSTD(1)"),
    column("events", "Array(Tuple(time_ns Int64, name String, attributes_json String))", "ZSTD(1)"),
    column(
        "links",
        "Array(Tuple(trace_id String, span_id FixedString(8), trace_state String, attributes_json String))",
        "ZSTD(1)",
    ),
    // Last, so that what is before it tells whether a batch came before.
    column("seq", "Int64", "Delta, ZSTD(1)"),
];

/// One row for each trace of a batch.
pub(crate) const INTERACTIONS: &[Column] = &[
    column("interaction_id", "String", "ZSTD(1)"),
    column("trace_id", "String", "ZSTD(1)"),
    column("interactions", "Array(String)", "ZSTD(1)"),
    column("start_ns", "Int64", "Delta, ZSTD(1)"),
    column("last_start_ns", "Int64", "Delta, ZSTD(1)"),
    column("end_ns", "Int64", "Delta, ZSTD(1)"),
    column("spans", "Int64", "ZSTD(1)"),
    column("errors", "Int64", "ZSTD(1)"),
    column("unfinished", "Int64", "ZSTD(1)"),
    column("queue", MAYBE, "ZSTD(1)"),
    column("region", MAYBE, "ZSTD(1)"),
    column("channel", MAYBE, "ZSTD(1)"),
    column("direction", MAYBE, "ZSTD(1)"),
    column("agent_id", MAYBE, "ZSTD(1)"),
    column("outcome", MAYBE, "ZSTD(1)"),
    column("queues", "Array(LowCardinality(String))", "ZSTD(1)"),
    column("agents", "Array(LowCardinality(String))", "ZSTD(1)"),
    column("services", "Array(LowCardinality(String))", "ZSTD(1)"),
    column("stage_ns", "Map(LowCardinality(String), Int64)", "ZSTD(1)"),
    column("facts", "String", "ZSTD(3)"),
    column("ids", "Array(UInt32)", "ZSTD(1)"),
    column("seq", "Int64", "Delta, ZSTD(1)"),
];

pub(crate) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Times are nanoseconds; lists are sorted by the hour in which something last began, so that what is new lies together.
pub(crate) const HOUR_NS: u64 = 3_600_000_000_000;

struct Table {
    name: &'static str,
    columns: &'static [Column],
    order: &'static str,
    indices: &'static str,
    granularity: u32,
    /// Where in a cluster a row goes.
    shard: &'static str,
}

const TABLES: [Table; 2] = [
    Table {
        name: "spans",
        columns: SPANS,
        order: "(interaction_id, trace_id, start_ns)",
        indices: "INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1, INDEX started start_ns TYPE minmax GRANULARITY 4",
        granularity: 4096,
        shard: "cityHash64(if(empty(interaction_id), trace_id, interaction_id))",
    },
    Table {
        name: "interactions",
        columns: INTERACTIONS,
        order: "(intDiv(last_start_ns, 3600000000000), trace_id)",
        indices: "INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1, \
            INDEX interaction interactions TYPE bloom_filter(0.001) GRANULARITY 1, \
            INDEX started start_ns TYPE minmax GRANULARITY 1, INDEX last last_start_ns TYPE minmax GRANULARITY 1",
        granularity: 1024,
        shard: "cityHash64(trace_id)",
    },
];

/// By arrival: all spans of an insert have one, however odd their own times are.
const ARRIVED: &str = "toDateTime(intDiv(seq, 1000000000), 'UTC')";

/// A deduplicating insert is found out among so many.
const REMEMBERED: u32 = 10_000;

/// Statements that make what is not there.
pub(crate) fn make(settings: &Settings) -> Vec<String> {
    let database = &settings.database;
    let on = on_cluster(settings);
    let mut all = vec![format!("CREATE DATABASE IF NOT EXISTS `{database}`{on}")];
    let engine = engine(settings);
    for table in &TABLES {
        let Table { name, order, indices, granularity, shard, .. } = table;
        let columns: Vec<String> =
            table.columns.iter().map(|of| format!("{} {} CODEC({})", of.name, of.kind, of.codec)).collect();
        let columns = columns.join(", ");
        let ttl = ttl(settings);
        let local = local(settings, name);
        all.push(format!(
            "CREATE TABLE IF NOT EXISTS `{database}`.{local}{on} ({columns}, {indices}) ENGINE = {engine} \
             PARTITION BY toDate({ARRIVED}, 'UTC') ORDER BY {order} TTL {ttl} \
             SETTINGS index_granularity = {granularity}, ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1, \
             fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1, \
             {} = {REMEMBERED}",
            if settings.cluster.is_empty() { "non_replicated_deduplication_window" } else { "replicated_deduplication_window" },
        ));
        if !settings.cluster.is_empty() {
            all.push(format!(
                "CREATE TABLE IF NOT EXISTS `{database}`.{name}{on} AS `{database}`.{local} \
                 ENGINE = Distributed('{}', '{database}', '{local}', {shard})",
                settings.cluster
            ));
        }
    }
    all.push(format!(
        "CREATE TABLE IF NOT EXISTS `{database}`.store_format{on} (format UInt32, retention_s UInt64, at DateTime64(9, 'UTC')) \
         ENGINE = {engine} ORDER BY at"
    ));
    all
}

/// Gives the tables another retention.
pub(crate) fn retain(settings: &Settings) -> Vec<String> {
    let on = on_cluster(settings);
    let alter = |table: &Table| {
        let local = local(settings, table.name);
        format!("ALTER TABLE `{}`.{local}{on} MODIFY TTL {}", settings.database, ttl(settings))
    };
    TABLES.iter().map(alter).collect()
}

/// What is written down about the tables: the format, and the retention that was set last; no row before they are made.
pub(crate) fn told(settings: &Settings) -> String {
    format!(
        "SELECT toInt64(max(format)), toInt64(argMax(retention_s, at)) FROM `{}`.store_format HAVING count() > 0 FORMAT RowBinary",
        settings.database
    )
}

pub(crate) fn tell(settings: &Settings) -> String {
    let (database, retention) = (&settings.database, settings.retention.get().as_secs());
    format!("INSERT INTO `{database}`.store_format SELECT {FORMAT}, {retention}, now64(9, 'UTC')")
}

pub(crate) fn newer(place: String, format: u64) -> StoreError {
    StoreError::Server {
        place,
        why: format!(
            "the tables were made by something newer: they have format {format}, and this throughline writes {FORMAT}"
        ),
        mend: "; use the throughline that made them, or give this one a `database` of its own",
    }
}

fn ttl(settings: &Settings) -> String {
    format!("{ARRIVED} + INTERVAL {} SECOND", settings.retention.get().as_secs())
}

fn engine(settings: &Settings) -> &'static str {
    match settings.cluster.is_empty() {
        true => "MergeTree",
        false => "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')",
    }
}

fn on_cluster(settings: &Settings) -> String {
    match settings.cluster.as_str() {
        "" => String::new(),
        cluster => format!(" ON CLUSTER `{cluster}`"),
    }
}

fn local(settings: &Settings, name: &str) -> String {
    if settings.cluster.is_empty() { name.to_owned() } else { format!("{name}_local") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_tables_are_as_they_were() {
        let cluster = Settings { cluster: "calls".to_owned(), insert_quorum: 2, ..Settings::default() };
        let text = |settings: &Settings| {
            let all =
                make(settings).into_iter().chain([told(settings), tell(settings)]).chain(retain(settings));
            all.map(|statement| format!("{statement};\n")).collect::<String>()
        };
        let both = format!("-- one server\n{}\n-- cluster\n{}", text(&Settings::default()), text(&cluster));
        expect_file!["../tests/golden/tables.sql"]
            .assert_eq(&both.replace(", INDEX", ",\n  INDEX").replace("), ", "),\n  "));
    }
}
