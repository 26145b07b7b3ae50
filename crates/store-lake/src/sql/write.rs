//! From columns to the bytes of an answer.

use std::io::Write;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use store_api::StoreError;
use store_api::sql::{Failed, Format};
use store_api::to_otlp::to_otlp_json;

use super::cell::{cell, plain};
use super::text;
use crate::table::{Resources, decode};

pub(super) struct Writer {
    schema: SchemaRef,
    out: Buffer,
    kind: Kind,
}

enum Kind {
    Json { rows: usize },
    Csv,
    Arrow(Box<StreamWriter<Buffer>>),
    Parquet(Box<ArrowWriter<Buffer>>),
    OtlpJson(Resources),
}

/// What was written and not yet taken.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Begins an answer of these columns.
    pub(super) fn new(format: Format, schema: &SchemaRef) -> Result<Self, Failed> {
        let schema = text::plain(schema);
        let mut out = Buffer::default();
        let kind = match format {
            Format::Json => {
                let columns = schema.fields().iter().map(|field| {
                    serde_json::json!({ "name": field.name(), "type": field.data_type().to_string() })
                });
                let columns = serde_json::Value::Array(columns.collect());
                write!(out, "{{\"columns\":{columns},\"rows\":[").map_err(bug)?;
                Kind::Json { rows: 0 }
            }
            Format::Csv => {
                let names = schema.fields().iter().map(|field| quoted(field.name()));
                write!(out, "{}\r\n", names.collect::<Vec<_>>().join(",")).map_err(bug)?;
                Kind::Csv
            }
            Format::Arrow => Kind::Arrow(Box::new(StreamWriter::try_new(out.clone(), &schema).map_err(bug)?)),
            Format::Parquet => {
                let zstd = ZstdLevel::try_new(3).map(Compression::ZSTD).map_err(bug)?;
                let properties = WriterProperties::builder().set_compression(zstd).build();
                let writer = ArrowWriter::try_new(out.clone(), Arc::clone(&schema), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(bug)?))
            }
            Format::OtlpJson => Kind::OtlpJson(Resources::default()),
        };
        Ok(Self { schema, out, kind })
    }

    /// Adds rows; what it gives may be nothing yet.
    pub(super) fn add(&mut self, batch: RecordBatch) -> Result<Vec<u8>, Failed> {
        let batch = &text::cast(batch, &self.schema).map_err(bug)?;
        let out = &mut self.out;
        match &mut self.kind {
            Kind::Json { rows } => {
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().map(|column| cell(column, row));
                    let text = serde_json::Value::Array(cells.collect());
                    write!(out, "{}{text}", if *rows == 0 { "\n" } else { ",\n" }).map_err(bug)?;
                    *rows += 1;
                }
            }
            Kind::Csv => {
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().map(|column| quoted(&plain(&cell(column, row))));
                    write!(out, "{}\r\n", cells.collect::<Vec<_>>().join(",")).map_err(bug)?;
                }
            }
            Kind::Arrow(writer) => {
                for portion in portions(batch).map_err(bug)? {
                    writer.write(&portion).map_err(bug)?;
                }
            }
            Kind::Parquet(writer) => writer.write(batch).map_err(bug)?,
            Kind::OtlpJson(resources) => {
                let rows = decode(batch, resources).map_err(|why| Failed::Wrong {
                    message: format!(
                        "otlp-json wants whole rows of spans, as SELECT * FROM spans gives them: {why}"
                    ),
                    place: None,
                })?;
                let spans: Vec<_> = rows.into_iter().map(|row| row.span).collect();
                if !spans.is_empty() {
                    out.write_all(&to_otlp_json(&spans)).and_then(|()| out.write_all(b"\n")).map_err(bug)?;
                }
            }
        }
        Ok(self.out.take())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failed> {
        match self.kind {
            Kind::Json { rows } => {
                self.out.write_all(if rows == 0 { b"]}\n" } else { b"\n]}\n" }).map_err(bug)?;
            }
            Kind::Csv | Kind::OtlpJson(_) => {}
            Kind::Arrow(mut writer) => writer.finish().map_err(bug)?,
            Kind::Parquet(writer) => drop(writer.close().map_err(bug)?),
        }
        Ok(self.out.take())
    }
}

/// Clients of Flight take 4 to 16 MiB in one message, unless told otherwise.
const PORTION: usize = 2 << 20;

fn portions(batch: &RecordBatch) -> Result<Vec<RecordBatch>, ArrowError> {
    let whole = compact(batch.clone())?;
    let rows = whole.num_rows();
    let each = rows.div_ceil(whole.get_array_memory_size().div_ceil(PORTION).max(1)).max(1);
    if each >= rows {
        return Ok(vec![whole]);
    }
    (0..rows).step_by(each).map(|at| compact(whole.slice(at, each.min(rows - at)))).collect()
}

/// Without the bytes that no view shows: all of them would be sent with each part.
fn compact(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let shrunk = batch.columns().iter().map(|column| -> ArrayRef {
        match column.data_type() {
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => Arc::clone(column),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), shrunk.collect(), &options)
}

/// A field of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn bug(error: impl std::fmt::Display) -> Failed {
    Failed::Store(StoreError::Bug(format!("an answer cannot be written: {error}")))
}
