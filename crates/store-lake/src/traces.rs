//! The table `interactions`: for each file of spans, what each trace in it amounts to and where its rows are. An
//! interaction is the sum of the rows that name it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;
use parquet::schema::types::SchemaDescriptor;
use store_api::facts::Facts;
use store_api::few::FewSet;
use store_api::part::Fragment;
use throughline_context::TraceId;

use crate::table::{self, Encoded, Layout, Wrong, column, to_parquet};
use crate::tables::Table;

/// One trace in one file.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) trace: TraceId,
    pub(crate) fragment: Arc<Fragment>,
    /// The rows of a trace lie together.
    pub(crate) first_row: usize,
}

impl Entry {
    pub(crate) fn rows(&self) -> Range<usize> {
        self.first_row..self.first_row + self.fragment.ids.len()
    }
}

/// The traces of one file, in memory.
#[derive(Default, Debug)]
pub(crate) struct Traces {
    /// In the order of the rows.
    entries: Vec<Entry>,
    places: HashMap<TraceId, usize>,
    weight: usize,
}

impl Traces {
    pub(crate) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut traces = Self::default();
        for entry in entries {
            traces.weight += entry.fragment.facts.weight() + 4 * entry.fragment.ids.len() + 128;
            traces.places.insert(entry.trace, traces.entries.len());
            traces.entries.push(entry);
        }
        traces
    }

    pub(crate) fn get(&self, trace: TraceId) -> Option<&Entry> {
        self.entries.get(*self.places.get(&trace)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Estimated bytes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

pub(crate) fn columns() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        let maybe = |name: &str| Field::new(name, DataType::Utf8, true);
        let list = |name: &str| Field::new(name, DataType::List(element()), false);
        Arc::new(Schema::new(vec![
            // What the rows are sorted by: the first of `interactions`.
            maybe("interaction_id"),
            Field::new("trace_id", DataType::Utf8, false),
            list("interactions"),
            long("start_ns"),
            long("end_ns"),
            long("spans"),
            long("errors"),
            // The first of each, in the order of time.
            maybe("queue"),
            maybe("region"),
            maybe("channel"),
            maybe("direction"),
            maybe("agent_id"),
            maybe("outcome"),
            list("queues"),
            list("agents"),
            list("services"),
            // Summed.
            Field::new("stage_ns", DataType::Map(table::entries(DataType::Int64), false), false),
            long("unfinished"),
            long("first_row"),
            long("rows"),
            // All that is known, as JSON; its times are after `start_ns`.
            Field::new("facts", DataType::Utf8, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

pub(crate) fn encode(entries: &[Entry], level: i32) -> Result<Encoded, ParquetError> {
    let layout = Layout {
        schema: columns(),
        level,
        compressed: None,
        blooms: &[],
        deltas: &["start_ns", "end_ns", "first_row", "rows"],
        plain: &["facts"],
        ids: &[],
        skipping: Table::Interactions.skipping(),
    };
    to_parquet(&layout, String::new(), entries.chunks(8192).map(batch))
}

fn batch(entries: &[Entry]) -> Result<RecordBatch, ArrowError> {
    let facts: Vec<&Facts> = entries.iter().map(|entry| &entry.fragment.facts).collect();
    let longs = |number: &dyn Fn(&Facts) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(facts.iter().map(|facts| long(number(facts)))))
    };
    let maybe = |text: &dyn Fn(&Facts) -> Option<String>| -> ArrayRef {
        Arc::new(facts.iter().map(|facts| text(facts)).collect::<StringArray>())
    };
    let value = |timed: &Option<(u64, Arc<str>)>| timed.as_ref().map(|(_, value)| value.to_string());
    let rows = |number: &dyn Fn(&Entry) -> usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(entries.iter().map(|entry| long(number(entry) as u64))))
    };
    let json = |facts: &Facts| {
        let after =
            Facts { interactions: FewSet::default(), ..facts.at(|ns| ns.wrapping_sub(facts.start_ns)) };
        serde_json::to_string(&after).unwrap_or_default()
    };
    let arrays: Vec<ArrayRef> = vec![
        maybe(&|facts| facts.interactions.first().cloned()),
        Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| entry.trace.to_string()))),
        list(facts.iter().map(|facts| facts.interactions.iter().cloned().collect()))?,
        longs(&|facts| facts.start_ns),
        longs(&|facts| facts.end_ns),
        longs(&|facts| facts.spans),
        longs(&|facts| facts.errors),
        maybe(&|facts| facts.queues.in_order().into_iter().next()),
        maybe(&|facts| facts.region.as_ref().map(|(_, _, region)| region.to_string())),
        maybe(&|facts| value(&facts.channel)),
        maybe(&|facts| value(&facts.direction)),
        maybe(&|facts| facts.agents.in_order().into_iter().next()),
        maybe(&|facts| value(&facts.outcome)),
        list(facts.iter().map(|facts| facts.queues.in_order()))?,
        list(facts.iter().map(|facts| facts.agents.in_order()))?,
        list(facts.iter().map(|facts| facts.services.in_order()))?,
        stages(&facts)?,
        longs(&|facts| facts.open.len() as u64),
        rows(&|entry| entry.first_row),
        rows(&|entry| entry.rows().len()),
        Arc::new(StringArray::from_iter_values(facts.iter().map(|facts| json(facts)))),
    ];
    RecordBatch::try_new(columns(), arrays)
}

/// Times end in 2262 for everybody who counts nanoseconds in 63 bits.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn list(lists: impl Iterator<Item = Vec<String>>) -> Result<ArrayRef, ArrowError> {
    let lists: Vec<Vec<String>> = lists.collect();
    let texts: Vec<&str> = lists.iter().flatten().map(String::as_str).collect();
    let lengths = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    Ok(Arc::new(ListArray::try_new(element(), lengths, Arc::new(StringArray::from(texts)), None)?))
}

fn stages(facts: &[&Facts]) -> Result<ArrayRef, ArrowError> {
    let all = facts.iter().flat_map(|facts| facts.stages.iter());
    let (keys, times): (Vec<&str>, Vec<i64>) =
        all.map(|(stage, stretch)| (stage.name(), long(stretch.duration_ns))).unzip();
    let keys: ArrayRef = Arc::new(StringArray::from(keys));
    let times: ArrayRef = Arc::new(Int64Array::from(times));
    let entries = StructArray::try_new(table::entry(DataType::Int64), vec![keys, times], None)?;
    let lengths = OffsetBuffer::from_lengths(facts.iter().map(|facts| facts.stages.len()));
    Ok(Arc::new(MapArray::try_new(table::entries(DataType::Int64), lengths, entries, None, false)?))
}

/// `ids` are those of all rows of the file of spans, in their order.
pub(crate) fn decode(file: std::fs::File, ids: &[u32]) -> Result<Vec<Entry>, Wrong> {
    let (mut entries, mut texts) = (Vec::new(), HashSet::new());
    for batch in table::all_rows(file, |_| ProjectionMask::all()).map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let columns = Columns {
            traces: column(&batch, "trace_id")?,
            interactions: column(&batch, "interactions")?,
            starts: column(&batch, "start_ns")?,
            first_rows: column(&batch, "first_row")?,
            rows: column(&batch, "rows")?,
            facts: column(&batch, "facts")?,
        };
        for at in 0..batch.num_rows() {
            entries.push(columns.entry(at, ids, &mut texts)?);
        }
    }
    Ok(entries)
}

struct Columns<'a> {
    traces: &'a StringArray,
    interactions: &'a ListArray,
    starts: &'a Int64Array,
    first_rows: &'a Int64Array,
    rows: &'a Int64Array,
    facts: &'a StringArray,
}

impl Columns<'_> {
    fn entry(&self, at: usize, ids: &[u32], texts: &mut HashSet<Arc<str>>) -> Result<Entry, Wrong> {
        let (first_row, rows) = (count(self.first_rows, at)?, count(self.rows, at)?);
        let ids = ids.get(first_row..first_row.saturating_add(rows));
        let facts: Facts = serde_json::from_str(self.facts.value(at)).map_err(|error| error.to_string())?;
        let start = u64::try_from(self.starts.value(at)).unwrap_or(0);
        let interactions = names(self.interactions, at)?.iter().flatten().map(str::to_owned).collect();
        let mut facts = Facts { interactions, ..facts.at(|ns| ns.wrapping_add(start)) };
        facts.share(texts);
        Ok(Entry {
            trace: trace_id(self.traces, at)?,
            fragment: Arc::new(Fragment {
                facts,
                ids: ids.ok_or("it is about rows that are not there")?.to_vec(),
            }),
            first_row,
        })
    }
}

/// Calls back for each trace with its interactions and its rows; reads nothing else of the file.
pub(crate) fn each_place(
    file: std::fs::File,
    mut with: impl FnMut(TraceId, &[&str], Range<usize>),
) -> Result<(), Wrong> {
    let columns = |schema: &SchemaDescriptor| {
        ProjectionMask::columns(schema, ["trace_id", "interactions", "first_row", "rows"])
    };
    for batch in table::all_rows(file, columns).map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let (traces, lists): (&StringArray, &ListArray) =
            (column(&batch, "trace_id")?, column(&batch, "interactions")?);
        let (firsts, counts): (&Int64Array, &Int64Array) =
            (column(&batch, "first_row")?, column(&batch, "rows")?);
        for at in 0..batch.num_rows() {
            let names = names(lists, at)?;
            let (first, rows) = (count(firsts, at)?, count(counts, at)?);
            let place = first..first.saturating_add(rows);
            with(trace_id(traces, at)?, &names.iter().flatten().collect::<Vec<_>>(), place);
        }
    }
    Ok(())
}

fn count(column: &Int64Array, at: usize) -> Result<usize, Wrong> {
    usize::try_from(column.value(at)).map_err(|error| error.to_string())
}

fn trace_id(traces: &StringArray, at: usize) -> Result<TraceId, Wrong> {
    traces.value(at).parse().map_err(|_| "a trace id is garbled".to_owned())
}

fn names(lists: &ListArray, at: usize) -> Result<StringArray, Wrong> {
    let names = lists.value(at);
    names.as_any().downcast_ref().cloned().ok_or_else(|| "`interactions` has another type".to_owned())
}

#[cfg(test)]
mod tests;
