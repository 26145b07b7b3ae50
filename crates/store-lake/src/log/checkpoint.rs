//! A snapshot as one Parquet file, so that nobody has to read all entries there ever were.

use std::sync::Arc;

use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use super::action::Action;
use super::columns;
use super::snapshot::Snapshot;

/// Actions turned into columns at a time.
const CHUNK: usize = 4096;

/// The file, and how many actions are in it.
pub(super) fn encode(snapshot: &Snapshot) -> Result<(Vec<u8>, usize), String> {
    let schema = Arc::new(Schema::new(columns::checkpoint()));
    let level = ZstdLevel::try_new(3).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))
        .map_err(|error| error.to_string())?;
    let actions = snapshot.actions();
    for chunk in actions.chunks(CHUNK) {
        let values: Vec<Value> = chunk
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let rows: Vec<_> = values.iter().map(Some).collect();
        let columns: Result<Vec<_>, _> = schema
            .fields()
            .iter()
            .map(|field| {
                let inner: Vec<_> =
                    rows.iter().map(|row| row.and_then(|row| row.get(field.name()))).collect();
                columns::array(field.data_type(), &inner)
            })
            .collect();
        let batch = columns.and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns));
        let written = batch.map_err(|error| error.to_string());
        writer.write(&written?).map_err(|error| error.to_string())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    Ok((bytes, actions.len()))
}

/// The actions in a checkpoint, whoever wrote it.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Vec<Action>, String> {
    // The decoders of Parquet and Arrow are not made for hostile bytes: some damage ends in a panic.
    let read = std::panic::AssertUnwindSafe(|| guarded(Bytes::from(bytes)));
    std::panic::catch_unwind(read).unwrap_or_else(|_| Err("it does not decode".to_owned()))
}

fn guarded(bytes: Bytes) -> Result<Vec<Action>, String> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
        .and_then(|builder| builder.with_batch_size(CHUNK).build())
        .map_err(|error| error.to_string())?;
    let mut actions = Vec::new();
    for batch in reader {
        let rows = StructArray::from(batch.map_err(|error| error.to_string())?);
        for at in 0..arrow::array::Array::len(&rows) {
            let Some(row) = columns::value(&rows, at) else { continue };
            actions.push(serde_json::from_value(row).map_err(|error| error.to_string())?);
        }
    }
    if actions.is_empty() { Err("it is empty".to_owned()) } else { Ok(actions) }
}
