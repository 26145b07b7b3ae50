//! Text as views of where it lies: what repeats is neither copied nor compared as a whole. Outside it is text as everybody
//! knows it.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;

/// With views in place of text, but for some columns, which seldom repeat.
pub(super) fn viewed(schema: &Schema, but: &[&str]) -> SchemaRef {
    retyped(schema, DataType::Utf8, DataType::Utf8View, but)
}

/// With text in place of views.
pub(super) fn plain(schema: &Schema) -> SchemaRef {
    retyped(schema, DataType::Utf8View, DataType::Utf8, &[])
}

fn retyped(schema: &Schema, from: DataType, to: DataType, but: &[&str]) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        match *field.data_type() == from && !but.contains(&field.name().as_str()) {
            true => Arc::new(field.as_ref().clone().with_data_type(to.clone())),
            false => Arc::clone(field),
        }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// Rows in the types of a schema of the same columns.
pub(super) fn cast(rows: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if rows.schema_ref() == schema {
        return Ok(rows);
    }
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| compute::cast(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}
