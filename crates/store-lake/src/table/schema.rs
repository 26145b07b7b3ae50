//! The columns of the table `spans`.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use super::promoted::Promoted;

/// Nanoseconds are plain integers: Delta's timestamps have microseconds only.
pub(crate) fn spans() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let maybe = |name: &str| Field::new(name, DataType::Utf8, true);
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        let map = |name: &str, value| Field::new(name, map_of(value), false);
        Arc::new(Schema::new(vec![
            // What the rows are sorted by: an interaction of the span's trace, whether or not the span carries it.
            maybe("interaction_id"),
            text("trace_id"),
            long("start_ns"),
            long("duration_ns"),
            Field::new("span_id", DataType::Binary, false),
            Field::new("parent_span_id", DataType::Binary, true),
            text("name"),
            text("kind"),
            text("service"),
            maybe("stage"),
            text("status"),
            text("status_message"),
            // Copies of attributes that many questions are about.
            maybe("queue"),
            maybe("region"),
            maybe("channel"),
            maybe("direction"),
            maybe("agent_id"),
            maybe("outcome"),
            Field::new("http_status_code", DataType::Int64, true),
            long("revision"),
            Field::new("finished", DataType::Boolean, false),
            // The order of arrival: of equal revisions the lowest counts.
            long("seq"),
            text("trace_state"),
            long("flags"),
            long("dropped_attributes"),
            long("dropped_events"),
            long("dropped_links"),
            map("attr_str", DataType::Utf8),
            map("attr_int", DataType::Int64),
            map("attr_double", DataType::Float64),
            map("attr_bool", DataType::Boolean),
            // Lists, maps, bytes and empty values, as JSON.
            map("attr_json", DataType::Utf8),
            map("resource_str", DataType::Utf8),
            map("resource_json", DataType::Utf8),
            text("scope_name"),
            text("scope_version"),
            text("scope_json"),
            Field::new("events", list_of(event()), false),
            Field::new("links", list_of(link()), false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// With the attributes that have columns of their own.
pub(crate) fn promoting(promoted: &Promoted) -> SchemaRef {
    if promoted.is_empty() {
        return spans();
    }
    let all = spans().fields().iter().cloned().chain(promoted.fields().map(Arc::new)).collect::<Fields>();
    Arc::new(Schema::new(all))
}

pub(super) fn event() -> Fields {
    vec![
        Field::new("time_ns", DataType::Int64, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("attributes_json", DataType::Utf8, false),
    ]
    .into()
}

pub(super) fn link() -> Fields {
    vec![
        Field::new("trace_id", DataType::Utf8, false),
        Field::new("span_id", DataType::Binary, false),
        Field::new("trace_state", DataType::Utf8, false),
        Field::new("attributes_json", DataType::Utf8, false),
    ]
    .into()
}

pub(crate) fn entry(value: DataType) -> Fields {
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, false)].into()
}

pub(crate) fn entries(value: DataType) -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(entry(value)), false))
}

fn map_of(value: DataType) -> DataType {
    DataType::Map(entries(value), false)
}

pub(super) fn element(fields: Fields) -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(fields), false))
}

fn list_of(fields: Fields) -> DataType {
    DataType::List(element(fields))
}
