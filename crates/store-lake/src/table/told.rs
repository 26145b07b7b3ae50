//! Columns that need not be read, since the footer tells what stands in them. Each column that is read costs as much as some
//! thousand rows of it: two reads, and pages to decompress.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_empty_array};
use arrow::array::{ListArray, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

use super::promoted::attribute;

/// Copies of what stands elsewhere in the row, for questions in SQL.
const COPIES: [&str; 12] = [
    "interaction_id",
    "service",
    "stage",
    "queue",
    "region",
    "channel",
    "direction",
    "agent_id",
    "outcome",
    "http_status_code",
    "revision",
    "finished",
];

/// What stands in each row of a column.
enum Told {
    Text(String),
    Long(i64),
    /// No entry in a map, no element in a list.
    Nothing,
}

/// The columns that rows are made of: those to read, and those that are told.
pub(crate) struct Columns {
    pub(crate) mask: ProjectionMask,
    told: Vec<(FieldRef, Told)>,
}

impl Columns {
    /// For these groups of rows.
    pub(crate) fn of(footer: &ArrowReaderMetadata, groups: &[usize]) -> Self {
        let parquet = footer.parquet_schema();
        // The first leaf of each; those of one lie together.
        let roots = (0..parquet.num_columns()).map(|leaf| (parquet.get_column_root_idx(leaf), leaf));
        let mut leaves: Vec<(usize, usize)> = roots.collect();
        leaves.dedup_by_key(|(root, _)| *root);
        let (mut read, mut told) = (Vec::new(), Vec::new());
        for (root, field) in footer.schema().fields().iter().enumerate() {
            let leaf = leaves.get(root).filter(|(of, _)| *of == root).map(|(_, leaf)| leaf);
            let chunks = leaf.and_then(|leaf| {
                let all = groups
                    .iter()
                    .map(|group| footer.metadata().row_groups().get(*group)?.columns().get(*leaf));
                all.collect::<Option<Vec<_>>>()
            });
            match chunks.as_deref().map_or(Way::Read, |chunks| way(field, chunks)) {
                Way::Read => read.push(root),
                Way::Told(what) => told.push((Arc::clone(field), what)),
                Way::Leave => {}
            }
        }
        Self { mask: ProjectionMask::roots(parquet, read), told }
    }

    #[cfg(test)]
    pub(super) fn tells(&self, name: &str) -> bool {
        self.told.iter().any(|(field, _)| field.name() == name)
    }

    /// The batch with the columns that were told.
    pub(crate) fn complete(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.told.is_empty() {
            return Ok(batch);
        }
        let rows = batch.num_rows();
        let (schema, mut columns, _) = batch.into_parts();
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        for (field, told) in &self.told {
            fields.push(Arc::clone(field));
            columns.push(column(field, told, rows)?);
        }
        RecordBatch::try_new(Arc::new(Schema::new(Fields::from(fields))), columns)
    }
}

enum Way {
    Read,
    Told(Told),
    /// No row needs it.
    Leave,
}

fn way(field: &Field, chunks: &[&ColumnChunkMetaData]) -> Way {
    if COPIES.contains(&field.name().as_str()) {
        return Way::Leave;
    }
    let told = match field.data_type() {
        DataType::Map(..) | DataType::List(_) if chunks.iter().all(|chunk| is_void(chunk)) => {
            Some(Told::Nothing)
        }
        DataType::Utf8 if field.is_nullable() => {
            let void = attribute(field).is_some() && chunks.iter().all(|chunk| is_void(chunk));
            return if void { Way::Leave } else { Way::Read };
        }
        DataType::Utf8 => same(chunks, text).map(Told::Text),
        // Something has to be read, so that the rows are counted.
        DataType::Int64 if field.name() != "start_ns" => same(chunks, long).map(Told::Long),
        _ => None,
    };
    told.map_or(Way::Read, Way::Told)
}

/// Of a nested column, an empty map or list counts as a null of its first leaf.
fn is_void(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()))
}

/// The value that all rows of all chunks have.
fn same<T: PartialEq>(chunks: &[&ColumnChunkMetaData], only: impl Fn(&Statistics) -> Option<T>) -> Option<T> {
    let mut all = chunks.iter().map(|chunk| {
        let statistics = chunk.statistics().filter(|statistics| statistics.null_count_opt() == Some(0))?;
        let exact = statistics.min_is_exact() && statistics.max_is_exact();
        only(statistics).filter(|_| exact)
    });
    let first = all.next()??;
    all.all(|next| next.as_ref() == Some(&first)).then_some(first)
}

fn text(statistics: &Statistics) -> Option<String> {
    let Statistics::ByteArray(values) = statistics else { return None };
    let (least, most) = (values.min_opt()?, values.max_opt()?);
    (least == most).then(|| least.as_utf8().ok().map(str::to_owned))?
}

fn long(statistics: &Statistics) -> Option<i64> {
    let Statistics::Int64(values) = statistics else { return None };
    let (least, most) = (values.min_opt()?, values.max_opt()?);
    (least == most).then_some(*least)
}

fn column(field: &Field, told: &Told, rows: usize) -> Result<ArrayRef, ArrowError> {
    Ok(match (told, field.data_type()) {
        (Told::Text(text), _) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))),
        (Told::Long(number), _) => Arc::new(Int64Array::from_value(*number, rows)),
        (Told::Nothing, DataType::List(element)) => {
            let none = new_empty_array(element.data_type());
            Arc::new(ListArray::try_new(Arc::clone(element), OffsetBuffer::new_zeroed(rows), none, None)?)
        }
        (Told::Nothing, DataType::Map(entries, sorted)) => {
            let none = new_empty_array(entries.data_type());
            let none: &StructArray = none.as_any().downcast_ref().ok_or_else(|| wrong(field))?;
            let offsets = OffsetBuffer::new_zeroed(rows);
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, none.clone(), None, *sorted)?)
        }
        (Told::Nothing, _) => return Err(wrong(field)),
    })
}

fn wrong(field: &Field) -> ArrowError {
    ArrowError::SchemaError(format!("`{}` is neither a map nor a list", field.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_columns() {
        let schema = super::super::span_columns();
        assert!(COPIES.iter().all(|name| schema.column_with_name(name).is_some()));
    }
}
