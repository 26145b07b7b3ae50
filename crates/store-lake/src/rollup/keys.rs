//! Which attributes spans carry, as Parquet.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use store_api::StoreError;
use store_api::attr_keys::{AttrKey, Counting};

use super::correct::Look;
use crate::files::OnDisk;
use crate::partition::Partition;
use crate::table::{Encoded, Layout, Wrong, to_parquet};
use crate::tables::Table;

pub(crate) fn columns() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        Arc::new(Schema::new(vec![
            text("level"),
            text("key"),
            text("type"),
            long("spans"),
            // When the first and the last of them started.
            long("first_ns"),
            long("last_ns"),
            Field::new("examples", DataType::List(element()), false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, false))
}

/// What the spans of the files in one place carry.
pub(super) fn of(look: &Look<'_>, partition: Partition) -> Result<Vec<AttrKey>, StoreError> {
    let disk = OnDisk::new(look.files, look.list);
    let mut counting = Counting::default();
    for file in look.list.values().filter(|file| file.partition == partition && !file.is_lost()) {
        counting.join(&disk.told(file, usize::MAX)?.0);
    }
    Ok(counting.told().keys)
}

pub(super) fn encode(keys: &[AttrKey]) -> Result<Encoded, ParquetError> {
    let layout = Layout {
        schema: columns(),
        level: 6,
        compressed: None,
        blooms: &[],
        deltas: &["first_ns", "last_ns", "spans"],
        plain: &[],
        ids: &[],
        skipping: Table::AttrKeys.skipping(),
    };
    to_parquet(&layout, String::new(), keys.chunks(4096).map(batch))
}

fn batch(keys: &[AttrKey]) -> Result<RecordBatch, ArrowError> {
    let texts = |of: fn(&AttrKey) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(keys.iter().map(of)))
    };
    let longs = |of: fn(&AttrKey) -> u64| -> ArrayRef {
        let numbers = keys.iter().map(|key| i64::try_from(of(key)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(numbers))
    };
    let mut examples = ListBuilder::new(StringBuilder::new()).with_field(element());
    for key in keys {
        key.values.iter().for_each(|(text, _)| examples.values().append_value(text));
        examples.append(true);
    }
    let columns_of = vec![
        texts(|key| key.level.name()),
        texts(|key| &key.key),
        texts(|key| key.kind.name()),
        longs(|key| key.spans),
        longs(|key| key.first_ns),
        longs(|key| key.last_ns),
        Arc::new(examples.finish()),
    ];
    RecordBatch::try_new(columns(), columns_of)
}

/// How many there are, of which all can be read.
pub(super) fn rows(file: Bytes) -> Result<usize, Wrong> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let mut rows = 0;
    for batch in reader.map_err(|error| error.to_string())? {
        rows += batch.map_err(|error| error.to_string())?.num_rows();
    }
    Ok(rows)
}
