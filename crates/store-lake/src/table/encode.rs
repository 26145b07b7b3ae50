//! Rows to columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;
use store_api::part::Row;
use store_api::span::{Span, key};
use store_api::{Attributes, Value};

use super::promoted::{OWN, Promoted, RESOURCE};
use super::schema;

/// A row with the interaction it is sorted by.
#[derive(Clone, Copy)]
pub(crate) struct Ordered<'a> {
    pub(crate) interaction: Option<&'a str>,
    pub(crate) row: &'a Row,
}

/// Text of promoted attributes stands in their columns, and not in the maps.
pub(crate) fn encode(rows: &[Ordered<'_>], promoted: &Promoted) -> Result<RecordBatch, ArrowError> {
    let spans: Vec<&Span> = rows.iter().map(|ordered| ordered.row.span.as_ref()).collect();
    let mut columns = identity(rows, &spans);
    columns.extend(meaning(&spans));
    columns.extend(record(rows, &spans));
    let mut own_columns = Vec::new();
    columns.extend(attributes(&spans, promoted, &mut own_columns)?);
    columns.extend(nested(&spans)?);
    columns.extend(own_columns);
    RecordBatch::try_new(schema::promoting(promoted), columns)
}

fn identity(rows: &[Ordered<'_>], spans: &[&Span]) -> Vec<ArrayRef> {
    let ids = spans.iter().map(|span| span.span_id.0);
    let parents = spans.iter().map(|span| span.parent_span_id.map(|id| id.0));
    vec![
        Arc::new(StringArray::from_iter(rows.iter().map(|ordered| ordered.interaction))),
        texts(spans, |span| span.trace_id.to_string()),
        longs(spans, |span| span.start_ns),
        longs(spans, |span| span.duration_ns),
        Arc::new(BinaryArray::from_iter_values(ids)),
        Arc::new(BinaryArray::from_iter(parents)),
    ]
}

fn meaning(spans: &[&Span]) -> Vec<ArrayRef> {
    let copied = |key: &'static str| maybe(spans, move |span| span.text(key));
    let code = |span: &&Span| {
        let of = |key| span.attributes.get(key).and_then(Value::as_int);
        of("http.response.status_code").or_else(|| of("http.status_code"))
    };
    vec![
        texts(spans, |span| span.name.clone()),
        texts(spans, |span| span.kind.name()),
        texts(spans, |span| span.resource.service().to_owned()),
        maybe(spans, |span| span.stage().map(store_api::Stage::name)),
        texts(spans, |span| span.status.code.name()),
        texts(spans, |span| span.status.message.clone()),
        copied(key::QUEUE),
        maybe(spans, |span| span.region().map(|(_, region)| region)),
        copied(key::CHANNEL),
        copied(key::DIRECTION),
        copied(key::AGENT),
        copied(key::OUTCOME),
        Arc::new(Int64Array::from_iter(spans.iter().map(code))),
    ]
}

fn record(rows: &[Ordered<'_>], spans: &[&Span]) -> Vec<ArrayRef> {
    vec![
        longs(spans, Span::revision),
        Arc::new(BooleanArray::from_iter(spans.iter().map(|span| Some(span.finished())))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|ordered| signed(ordered.row.seq)))),
        texts(spans, |span| span.trace_state.clone()),
        longs(spans, |span| u64::from(span.flags)),
        longs(spans, |span| u64::from(span.dropped.attributes)),
        longs(spans, |span| u64::from(span.dropped.events)),
        longs(spans, |span| u64::from(span.dropped.links)),
    ]
}

fn set<'a>(span: &'a Span, prefix: &str) -> &'a Attributes {
    if prefix == RESOURCE { span.resource.attributes() } else { &span.attributes }
}

/// The maps; columns of their own are added in the order of their names.
fn attributes(
    spans: &[&Span],
    promoted: &Promoted,
    own_columns: &mut Vec<ArrayRef>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let own = || spans.iter().map(|span| set(span, OWN));
    let resource = || spans.iter().map(|span| set(span, RESOURCE));
    Ok(vec![
        text(spans, promoted, OWN, own_columns)?,
        map(
            own(),
            |_, _, value| value.as_int(),
            DataType::Int64,
            |values| Arc::new(Int64Array::from_iter_values(values)),
        )?,
        map(
            own(),
            |_, _, value| as_double(value),
            DataType::Float64,
            |values| Arc::new(Float64Array::from_iter_values(values)),
        )?,
        map(
            own(),
            |_, _, value| as_bool(value),
            DataType::Boolean,
            |values| Arc::new(BooleanArray::from_iter(values.into_iter().map(Some))),
        )?,
        map(own(), |_, _, value| rest_as_json(value), DataType::Utf8, texts_of)?,
        text(spans, promoted, RESOURCE, own_columns)?,
        map(resource(), |_, _, value| all_but_text(value), DataType::Utf8, texts_of)?,
    ])
}

/// Text in columns of its own, and the map of all other text: each attribute is looked at once.
fn text(
    spans: &[&Span],
    promoted: &Promoted,
    prefix: &str,
    own_columns: &mut Vec<ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let keys = promoted.keys().filter(|(of, _)| *of == prefix).map(|(_, key)| key);
    let places: HashMap<&str, usize> = keys.zip(0..).collect();
    let mut cells: Vec<Vec<Option<&str>>> = vec![vec![None; spans.len()]; places.len()];
    let pick = |row: usize, key: &str, value| {
        let text = Value::as_str(value)?;
        let Some(column) = places.get(key).and_then(|place| cells.get_mut(*place)) else { return Some(text) };
        column.iter_mut().skip(row).take(1).for_each(|cell| *cell = Some(text));
        None
    };
    let map = map(spans.iter().map(|span| set(span, prefix)), pick, DataType::Utf8, texts_of)?;
    own_columns.extend(cells.into_iter().map(|column| Arc::new(StringArray::from_iter(column)) as ArrayRef));
    Ok(map)
}

fn texts_of<T: AsRef<str>>(values: Vec<T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn nested(spans: &[&Span]) -> Result<Vec<ArrayRef>, ArrowError> {
    let events: Vec<_> = spans.iter().flat_map(|span| &span.events).collect();
    let event_columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(events.iter().map(|event| signed(event.time_ns)))),
        Arc::new(StringArray::from_iter_values(events.iter().map(|event| &event.name))),
        Arc::new(StringArray::from_iter_values(events.iter().map(|event| json(&event.attributes)))),
    ];
    let links: Vec<_> = spans.iter().flat_map(|span| &span.links).collect();
    let link_columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(links.iter().map(|link| link.trace_id.to_string()))),
        Arc::new(BinaryArray::from_iter_values(links.iter().map(|link| link.span_id.0))),
        Arc::new(StringArray::from_iter_values(links.iter().map(|link| &link.trace_state))),
        Arc::new(StringArray::from_iter_values(links.iter().map(|link| json(&link.attributes)))),
    ];
    Ok(vec![
        texts(spans, |span| span.scope.name.clone()),
        texts(spans, |span| span.scope.version.clone()),
        texts(spans, |span| json(&span.scope.attributes)),
        list(spans.iter().map(|span| span.events.len()), schema::event(), event_columns)?,
        list(spans.iter().map(|span| span.links.len()), schema::link(), link_columns)?,
    ])
}

fn texts<T: AsRef<str>>(spans: &[&Span], text: impl Fn(&Span) -> T) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(spans.iter().map(|span| text(span))))
}

fn maybe<'a>(spans: &[&'a Span], text: impl Fn(&'a Span) -> Option<&'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter(spans.iter().map(|span| text(span))))
}

fn longs(spans: &[&Span], number: impl Fn(&Span) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(spans.iter().map(|span| signed(number(span)))))
}

/// Times end in 2262 for everybody who counts nanoseconds in 63 bits.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn map<'a, T>(
    rows: impl Iterator<Item = &'a Attributes>,
    mut pick: impl FnMut(usize, &str, &'a Value) -> Option<T>,
    kind: DataType,
    column: impl FnOnce(Vec<T>) -> ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let (mut lengths, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (row, attributes) in rows.enumerate() {
        let before = keys.len();
        for (key, value) in attributes.iter() {
            if let Some(value) = pick(row, key, value) {
                keys.push(key);
                values.push(value);
            }
        }
        lengths.push(keys.len() - before);
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(keys)), column(values)];
    let entries = StructArray::try_new(schema::entry(kind.clone()), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(schema::entries(kind), offsets, entries, None, false)?))
}

fn list(
    lengths: impl Iterator<Item = usize>,
    fields: Fields,
    columns: Vec<ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let length = columns.first().map_or(0, Array::len);
    let elements = StructArray::try_new_with_length(fields.clone(), columns, None, length)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(schema::element(fields), offsets, Arc::new(elements), None)?))
}

fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        _ => None,
    }
}

fn rest_as_json(value: &Value) -> Option<String> {
    match value {
        Value::String(_) | Value::Int(_) | Value::Double(_) | Value::Bool(_) => None,
        Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_) => Some(json(value)),
    }
}

fn all_but_text(value: &Value) -> Option<String> {
    if value.as_str().is_some() { None } else { Some(json(value)) }
}

/// Cannot fail: all keys are text, and all values have a form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
