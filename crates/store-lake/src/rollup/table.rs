//! Rows as Parquet and back.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use store_api::analysis::histogram::Histogram;
use store_api::analysis::rollup::{Exemplar, Row, Series};
use throughline_context::SpanId;

use crate::lake::threads;
use crate::table::{Encoded, Layout, Wrong, column, to_parquet};
use crate::tables::Table;

pub(crate) fn columns() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        let maybe = |name: &str| Field::new(name, DataType::Utf8, true);
        let list = |name: &str, element| Field::new(name, DataType::List(element), false);
        Arc::new(Schema::new(vec![
            // Where the step begins.
            long("t_ns"),
            maybe("stage"),
            maybe("service"),
            maybe("operation"),
            maybe("queue"),
            maybe("region"),
            maybe("channel"),
            maybe("version"),
            Field::new("failed", DataType::Boolean, false),
            long("count"),
            long("sum_ns"),
            long("min_ns"),
            long("max_ns"),
            long("first_ns"),
            // Bucket b0 + i is above 2^((b0+i)/2^scale) and not above 2^((b0+i+1)/2^scale).
            long("scale"),
            long("zero"),
            long("b0"),
            list("counts", number()),
            list("exemplars", exemplar()),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn number() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Int64, false))
}

fn exemplar() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(exemplar_fields()), false))
}

fn exemplar_fields() -> Fields {
    vec![
        Field::new("duration_ns", DataType::Int64, false),
        Field::new("trace_id", DataType::Utf8, false),
        Field::new("span_id", DataType::Binary, false),
    ]
    .into()
}

pub(super) fn encode(rows: &[Row], table: Table) -> Result<Encoded, ParquetError> {
    let layout = Layout {
        schema: columns(),
        level: 6,
        compressed: Some(&["counts.list.element", "exemplars.list.element.trace_id"]),
        blooms: &[],
        deltas: &[
            "t_ns",
            "first_ns",
            "count",
            "sum_ns",
            "min_ns",
            "max_ns",
            "b0",
            "exemplars.list.element.duration_ns",
        ],
        plain: &[],
        ids: &["exemplars.list.element.span_id"],
        skipping: table.skipping(),
    };
    to_parquet(&layout, String::new(), rows.chunks(4096).map(batch))
}

fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let longs = |number: &dyn Fn(&Row) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| long(number(row)))))
    };
    let texts = |text: &dyn Fn(&Series) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| text(&row.series)).collect::<StringArray>())
    };
    let signed = |number: &dyn Fn(&Row) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(number)))
    };
    let columns_of = vec![
        longs(&|row| row.t),
        texts(&|series| series.stage.map(store_api::Stage::name)),
        texts(&|series| series.service.as_deref()),
        texts(&|series| series.operation.as_deref()),
        texts(&|series| series.queue.as_deref()),
        texts(&|series| series.region.as_deref()),
        texts(&|series| series.channel.as_deref()),
        texts(&|series| series.version.as_deref()),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.series.failed)))),
        longs(&|row| row.histogram.count()),
        longs(&|row| u64::try_from(row.histogram.sum()).unwrap_or(u64::MAX)),
        longs(&|row| row.histogram.min().unwrap_or(0)),
        longs(&|row| row.histogram.max().unwrap_or(0)),
        longs(&|row| row.first_ns),
        signed(&|row| i64::from(row.histogram.scale())),
        longs(&|row| row.histogram.zeros()),
        signed(&|row| row.histogram.buckets().next().map_or(0, |(index, _)| i64::from(index))),
        counts(rows)?,
        exemplars(rows)?,
    ];
    RecordBatch::try_new(columns(), columns_of)
}

/// Times end in 2262 for everybody who counts nanoseconds in 63 bits.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn counts(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let all = rows.iter().flat_map(|row| row.histogram.buckets()).map(|(_, count)| long(count));
    let all: Vec<i64> = all.collect();
    let lengths = OffsetBuffer::from_lengths(rows.iter().map(|row| row.histogram.buckets().len()));
    let all: ArrayRef = Arc::new(Int64Array::from(all));
    Ok(Arc::new(ListArray::try_new(number(), lengths, all, None)?))
}

fn exemplars(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let all: Vec<&Exemplar> = rows.iter().flat_map(|row| &row.exemplars).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(all.iter().map(|one| long(one.duration_ns)))),
        Arc::new(StringArray::from_iter_values(all.iter().map(|one| one.trace_id.to_string()))),
        Arc::new(BinaryArray::from_iter_values(all.iter().map(|one| one.span_id.0))),
    ];
    let all = StructArray::try_new(exemplar_fields(), columns, None)?;
    let lengths = OffsetBuffer::from_lengths(rows.iter().map(|row| row.exemplars.len()));
    Ok(Arc::new(ListArray::try_new(exemplar(), lengths, Arc::new(all), None)?))
}

/// Rows that are decoded at once: enough that starting on each of the columns costs little, and few enough that their memory
/// is not given back and asked for again each time.
const BATCH: usize = 1024;
/// Rows that are decoded by one thread.
const PART: usize = 8192;

pub(super) fn decode(file: &Bytes) -> Result<Vec<Row>, Wrong> {
    let head = |of_pages| {
        let options = ArrowReaderOptions::new().with_page_index_policy(of_pages);
        ArrowReaderMetadata::load(file, options).map_err(|error| error.to_string())
    };
    let metadata = head(PageIndexPolicy::Skip)?;
    let all = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let part = all.div_ceil(threads()).max(PART);
    if part >= all {
        return some(file, &metadata, None);
    }
    let metadata = head(PageIndexPolicy::Optional)?;
    std::thread::scope(|scope| {
        let parts = (0..all).step_by(part).map(|from| from..(from + part).min(all));
        let parts = parts.map(|rows| RowSelection::from_consecutive_ranges(std::iter::once(rows), all));
        let parts: Vec<_> = parts.map(|rows| scope.spawn(|| some(file, &metadata, Some(rows)))).collect();
        let mut rows = Vec::with_capacity(all);
        for part in parts {
            rows.extend(part.join().map_err(|_| "it does not decode")??);
        }
        Ok(rows)
    })
}

fn some(file: &Bytes, metadata: &ArrowReaderMetadata, rows: Option<RowSelection>) -> Result<Vec<Row>, Wrong> {
    let all = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone())
        .with_batch_size(BATCH);
    if let Some(rows) = rows {
        reader = reader.with_row_selection(rows);
    }
    let (mut rows, mut texts) = (Vec::with_capacity(all.min(PART)), HashSet::new());
    for batch in reader.build().map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let columns = Columns::of(&batch)?;
        for at in 0..batch.num_rows() {
            rows.push(columns.row(at, &mut texts)?);
        }
    }
    Ok(rows)
}

struct Columns<'a> {
    /// stage, service, operation, queue, region, channel, version
    names: [&'a StringArray; 7],
    failed: &'a BooleanArray,
    /// t, sum, min, max, first, scale, zero, b0
    numbers: [&'a Int64Array; 8],
    counts: Lists<'a, Int64Array>,
    exemplars: Lists<'a, StructArray>,
}

/// A column of lists, of which looking at one makes no array.
struct Lists<'a, T> {
    offsets: &'a [i32],
    values: &'a T,
}

impl<'a, T: 'static> Lists<'a, T> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Self, Wrong> {
        let lists: &ListArray = column(batch, name)?;
        let values = lists.values().as_any().downcast_ref();
        Ok(Self { offsets: lists.value_offsets(), values: values.ok_or_else(|| wrong(name))? })
    }

    /// The places of the values of one list.
    fn at(&self, at: usize) -> Range<usize> {
        let place = |at: usize| self.offsets.get(at).and_then(|at| usize::try_from(*at).ok()).unwrap_or(0);
        place(at)..place(at + 1)
    }
}

fn wrong(name: &str) -> Wrong {
    format!("`{name}` has another type")
}

type Texts = HashSet<Arc<str>>;

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Wrong> {
        let text = |name| column::<StringArray>(batch, name);
        let long = |name| column::<Int64Array>(batch, name);
        Ok(Self {
            names: [
                text("stage")?,
                text("service")?,
                text("operation")?,
                text("queue")?,
                text("region")?,
                text("channel")?,
                text("version")?,
            ],
            failed: column(batch, "failed")?,
            numbers: [
                long("t_ns")?,
                long("sum_ns")?,
                long("min_ns")?,
                long("max_ns")?,
                long("first_ns")?,
                long("scale")?,
                long("zero")?,
                long("b0")?,
            ],
            counts: Lists::of(batch, "counts")?,
            exemplars: Lists::of(batch, "exemplars")?,
        })
    }

    fn row(&self, at: usize, texts: &mut Texts) -> Result<Row, Wrong> {
        let [t, sum, min, max, first, scale, zero, b0] = self.numbers.map(|column| column.value(at));
        let [stage, service, operation, queue, region, channel, version] =
            self.names.map(|column| column.is_valid(at).then(|| shared(texts, column.value(at))));
        let stage = stage.map(|name| name.parse().map_err(|_| format!("there is no stage `{name}`")));
        let counts = self.counts.values.values().get(self.counts.at(at)).unwrap_or_default();
        let counts: Vec<u64> = counts.iter().map(|number| count(*number)).collect();
        let histogram = Histogram::from_parts(
            i8::try_from(scale).unwrap_or(i8::MAX),
            i32::try_from(b0).unwrap_or(i32::MAX),
            counts,
            count(zero),
            u128::from(count(sum)),
            [count(min), count(max)],
        );
        Ok(Row {
            t: count(t),
            first_ns: count(first),
            series: Series {
                stage: stage.transpose()?,
                service,
                operation,
                queue,
                region,
                channel,
                version,
                failed: self.failed.value(at),
            },
            histogram: histogram.ok_or("a histogram is garbled")?,
            exemplars: exemplars_of(self.exemplars.values, self.exemplars.at(at))?,
        })
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn shared(texts: &mut Texts, text: &str) -> Arc<str> {
    if let Some(known) = texts.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    texts.insert(Arc::clone(&new));
    new
}

fn exemplars_of(all: &StructArray, some: Range<usize>) -> Result<Vec<Exemplar>, Wrong> {
    let wrong = || wrong("exemplars");
    let [durations, traces, spans] = all.columns() else { return Err(wrong()) };
    let durations = durations.as_any().downcast_ref::<Int64Array>().ok_or_else(wrong)?;
    let traces = traces.as_any().downcast_ref::<StringArray>().ok_or_else(wrong)?;
    let spans = spans.as_any().downcast_ref::<BinaryArray>().ok_or_else(wrong)?;
    let some = some.start..some.end.min(all.len());
    let mut exemplars = Vec::with_capacity(some.len());
    for at in some {
        exemplars.push(Exemplar {
            duration_ns: count(durations.value(at)),
            trace_id: traces.value(at).parse().map_err(|_| "a trace id is garbled".to_owned())?,
            span_id: spans
                .value(at)
                .try_into()
                .map(SpanId)
                .map_err(|_| "a span id has 8 bytes".to_owned())?,
        });
    }
    Ok(exemplars)
}
