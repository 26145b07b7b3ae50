//! The table `traces`: for each file of spans, what each trace in it amounts to and where its rows are.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use store_api::part::Fragment;
use throughline_context::TraceId;

use crate::table::{Layout, Wrong, column, to_parquet};

/// One trace in one file.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) trace: TraceId,
    pub(crate) fragment: Arc<Fragment>,
    /// The rows of a trace lie together.
    pub(crate) first_row: usize,
}

impl Entry {
    pub(crate) fn rows(&self) -> std::ops::Range<usize> {
        self.first_row..self.first_row + self.fragment.ids.len()
    }
}

/// The traces of one file, in memory.
#[derive(Default, Debug)]
pub(crate) struct Traces {
    entries: HashMap<TraceId, Entry>,
    interactions: HashMap<String, Vec<TraceId>>,
    weight: usize,
}

impl Traces {
    pub(crate) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut traces = Self::default();
        for entry in entries {
            for id in &entry.fragment.facts.interactions {
                traces.interactions.entry(id.clone()).or_default().push(entry.trace);
                traces.weight += id.len() + 64;
            }
            traces.weight += entry.fragment.facts.weight() + 4 * entry.fragment.ids.len() + 128;
            traces.entries.insert(entry.trace, entry);
        }
        traces
    }

    pub(crate) fn get(&self, trace: TraceId) -> Option<&Entry> {
        self.entries.get(&trace)
    }

    pub(crate) fn of_interaction(&self, id: &str) -> &[TraceId] {
        self.interactions.get(id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(crate) fn interactions(&self) -> impl Iterator<Item = &str> {
        self.interactions.keys().map(String::as_str)
    }

    /// Estimated bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        Arc::new(Schema::new(vec![
            Field::new("trace_id", DataType::Utf8, false),
            Field::new("interactions", DataType::List(element()), false),
            long("start_ns"),
            long("end_ns"),
            long("first_row"),
            // Four bytes of each span's identity, little endian.
            Field::new("span_ids", DataType::Binary, false),
            // All that is known, as JSON.
            Field::new("facts", DataType::Utf8, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

pub(crate) fn encode(entries: &[Entry]) -> Result<Vec<u8>, ParquetError> {
    let layout = Layout {
        schema: schema(),
        about: String::new(),
        level: 3,
        blooms: &[],
        deltas: &["start_ns", "end_ns", "first_row"],
        plain: &["span_ids"],
    };
    to_parquet(&layout, entries.chunks(8192).map(batch))
}

fn batch(entries: &[Entry]) -> Result<RecordBatch, ArrowError> {
    let facts = || entries.iter().map(|entry| &entry.fragment.facts);
    let long = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let ids: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| entry.fragment.ids.iter().flat_map(|id| id.to_le_bytes()).collect())
        .collect();
    let names: Vec<&String> = facts().flat_map(|facts| &facts.interactions).collect();
    let names = StringArray::from_iter_values(names);
    let lengths = OffsetBuffer::from_lengths(facts().map(|facts| facts.interactions.len()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| entry.trace.to_string()))),
        Arc::new(ListArray::try_new(element(), lengths, Arc::new(names), None)?),
        Arc::new(Int64Array::from_iter_values(facts().map(|facts| long(facts.start_ns)))),
        Arc::new(Int64Array::from_iter_values(facts().map(|facts| long(facts.end_ns)))),
        Arc::new(Int64Array::from_iter_values(entries.iter().map(|entry| long(entry.first_row as u64)))),
        Arc::new(BinaryArray::from_iter_values(ids)),
        Arc::new(StringArray::from_iter_values(
            facts().map(|facts| serde_json::to_string(facts).unwrap_or_default()),
        )),
    ];
    RecordBatch::try_new(schema(), columns)
}

pub(crate) fn decode(file: std::fs::File) -> Result<Vec<Entry>, Wrong> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let mut entries = Vec::new();
    for batch in reader.map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let (traces, rows): (&StringArray, &Int64Array) =
            (column(&batch, "trace_id")?, column(&batch, "first_row")?);
        let (ids, facts): (&BinaryArray, &StringArray) =
            (column(&batch, "span_ids")?, column(&batch, "facts")?);
        for at in 0..batch.num_rows() {
            let ids = ids.value(at).chunks_exact(4).map(|id| id.try_into().map_or(0, u32::from_le_bytes));
            let facts = serde_json::from_str(facts.value(at)).map_err(|error| error.to_string())?;
            entries.push(Entry {
                trace: traces.value(at).parse().map_err(|_| "a trace id is garbled".to_owned())?,
                fragment: Arc::new(Fragment { facts, ids: ids.collect() }),
                first_row: usize::try_from(rows.value(at)).map_err(|error| error.to_string())?,
            });
        }
    }
    Ok(entries)
}

/// Calls back for each trace with its interactions; reads nothing else of the file.
pub(crate) fn each_id(file: std::fs::File, mut with: impl FnMut(TraceId, &[&str])) -> Result<(), Wrong> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), ["trace_id", "interactions"]);
    let reader = reader.with_projection(mask).build().map_err(|error| error.to_string())?;
    for batch in reader {
        let batch = batch.map_err(|error| error.to_string())?;
        let (traces, lists): (&StringArray, &ListArray) =
            (column(&batch, "trace_id")?, column(&batch, "interactions")?);
        for at in 0..batch.num_rows() {
            let names = lists.value(at);
            let names: &StringArray =
                names.as_any().downcast_ref().ok_or_else(|| "`interactions` has another type".to_owned())?;
            let names: Vec<&str> = names.iter().flatten().collect();
            let trace = traces.value(at).parse().map_err(|_| "a trace id is garbled".to_owned())?;
            with(trace, &names);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
