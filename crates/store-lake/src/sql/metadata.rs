//! What clients of Flight SQL ask before they ask anything: tables, their columns, what the engine can do. Clients compare the
//! columns of these answers with those of the protocol, down to which may be null:
//! <https://arrow.apache.org/docs/format/FlightSql.html#rpc-methods>

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, Scalar, StringArray};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::comparison::like;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::prelude::SessionContext;
use store_api::StoreError;
use store_api::sql::{Failed, Metadata};

use super::info::info;
use super::looking::Looking;
use super::session::{self, CATALOG, SCHEMA};
use super::text;
use super::{Engine, plan, wrong};

/// What clients call all of ours.
const KIND: &str = "TABLE";

pub(super) async fn tell(looking: &Arc<Looking>, engine: &Engine, about: Metadata) -> Result<Bytes, Failed> {
    let failed = |error| wrong::failed(&error, &looking.meter, engine.memory);
    let context = session::open(looking, &engine.env, engine.threads).map_err(failed)?;
    let batch = match about {
        Metadata::Statement(text) => {
            let plan = plan(looking, engine, &context, &text).await?;
            // Types are settled on the way.
            let plan = context.state().optimize(&plan).map_err(failed)?;
            Ok(nothing(plan.schema().as_arrow()))
        }
        Metadata::Catalogs => rows(&[("catalog_name", NEVER)], &[&[CATALOG]]),
        Metadata::Schemas { catalog, schema } => {
            rows(&[("catalog_name", MAYBE), ("db_schema_name", NEVER)], &[&[CATALOG, SCHEMA]])
                .and_then(|all| only(all, &[(0, catalog, false), (1, schema, true)]))
        }
        Metadata::Tables { catalog, schema, table, kinds, columns } => {
            let names = context.catalog(CATALOG).and_then(|catalog| catalog.schema(SCHEMA));
            let mut names = names.map(|schema| schema.table_names()).unwrap_or_default();
            names.retain(|_| kinds.is_empty() || kinds.iter().any(|kind| kind == KIND));
            names.sort();
            let schemas = if columns { Some(schemas(&context, &names).await.map_err(failed)?) } else { None };
            tables(&names, schemas)
                .and_then(|all| only(all, &[(0, catalog, false), (1, schema, true), (2, table, true)]))
        }
        Metadata::TableTypes => rows(&[("table_type", NEVER)], &[&[KIND]]),
        Metadata::PrimaryKeys => Ok(nothing(&primary_keys())),
        Metadata::ForeignKeys => Ok(nothing(&foreign_keys())),
        Metadata::Types => Ok(nothing(&types())),
        Metadata::Info(wanted) => info(&wanted),
    };
    batch.and_then(|batch| stream(&batch)).map_err(bug)
}

/// Whether a column may be null.
const MAYBE: bool = true;
const NEVER: bool = false;

/// Of text.
fn rows(columns: &[(&str, bool)], rows: &[&[&str]]) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<_> =
        columns.iter().map(|(name, null)| Field::new(*name, DataType::Utf8, *null)).collect();
    let column =
        |at: usize| -> ArrayRef { Arc::new(StringArray::from_iter(rows.iter().map(|row| row.get(at)))) };
    RecordBatch::try_new(Arc::new(Schema::new(fields)), (0..columns.len()).map(column).collect())
}

fn tables(names: &[String], schemas: Option<Vec<Bytes>>) -> Result<RecordBatch, ArrowError> {
    let columns =
        [("catalog_name", MAYBE), ("db_schema_name", MAYBE), ("table_name", NEVER), ("table_type", NEVER)];
    let all: Vec<[&str; 4]> = names.iter().map(|name| [CATALOG, SCHEMA, name, KIND]).collect();
    let all = rows(&columns, &all.iter().map(|row| &row[..]).collect::<Vec<_>>())?;
    let Some(schemas) = schemas else { return Ok(all) };
    let mut fields: Vec<_> = all.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("table_schema", DataType::Binary, NEVER)));
    let mut arrays = all.columns().to_vec();
    arrays.push(Arc::new(BinaryArray::from_iter_values(schemas)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// The columns of each table, as a stream of Arrow IPC without rows.
async fn schemas(context: &SessionContext, names: &[String]) -> Result<Vec<Bytes>> {
    let mut schemas = Vec::with_capacity(names.len());
    for name in names {
        let table = context.table(name.as_str()).await?;
        schemas.push(stream(&nothing(table.schema().as_arrow()))?);
    }
    Ok(schemas)
}

/// The rows whose text in a column is this one, or is like it; those that are wanted anyhow where there is none.
fn only(rows: RecordBatch, wanted: &[(usize, Option<String>, bool)]) -> Result<RecordBatch, ArrowError> {
    wanted.iter().try_fold(rows, |rows, (column, text, pattern)| {
        let Some(text) = text else { return Ok(rows) };
        let wanted = Scalar::new(StringArray::from_iter_values([text]));
        let found = match pattern {
            true => like(rows.column(*column), &wanted)?,
            false => eq(rows.column(*column), &wanted)?,
        };
        filter_record_batch(&rows, &found)
    })
}

fn nothing(schema: &Schema) -> RecordBatch {
    RecordBatch::new_empty(text::plain(schema))
}

fn primary_keys() -> Schema {
    columns(&[
        ("catalog_name", DataType::Utf8, MAYBE),
        ("db_schema_name", DataType::Utf8, MAYBE),
        ("table_name", DataType::Utf8, NEVER),
        ("column_name", DataType::Utf8, NEVER),
        ("key_name", DataType::Utf8, MAYBE),
        ("key_sequence", DataType::Int32, NEVER),
    ])
}

fn foreign_keys() -> Schema {
    columns(&[
        ("pk_catalog_name", DataType::Utf8, MAYBE),
        ("pk_db_schema_name", DataType::Utf8, MAYBE),
        ("pk_table_name", DataType::Utf8, NEVER),
        ("pk_column_name", DataType::Utf8, NEVER),
        ("fk_catalog_name", DataType::Utf8, MAYBE),
        ("fk_db_schema_name", DataType::Utf8, MAYBE),
        ("fk_table_name", DataType::Utf8, NEVER),
        ("fk_column_name", DataType::Utf8, NEVER),
        ("key_sequence", DataType::Int32, NEVER),
        ("fk_key_name", DataType::Utf8, MAYBE),
        ("pk_key_name", DataType::Utf8, MAYBE),
        ("update_rule", DataType::UInt8, NEVER),
        ("delete_rule", DataType::UInt8, NEVER),
    ])
}

fn types() -> Schema {
    let parameters = DataType::List(Arc::new(Field::new("item", DataType::Utf8, NEVER)));
    columns(&[
        ("type_name", DataType::Utf8, NEVER),
        ("data_type", DataType::Int32, NEVER),
        ("column_size", DataType::Int32, MAYBE),
        ("literal_prefix", DataType::Utf8, MAYBE),
        ("literal_suffix", DataType::Utf8, MAYBE),
        ("create_params", parameters, MAYBE),
        ("nullable", DataType::Int32, NEVER),
        ("case_sensitive", DataType::Boolean, NEVER),
        ("searchable", DataType::Int32, NEVER),
        ("unsigned_attribute", DataType::Boolean, MAYBE),
        ("fixed_prec_scale", DataType::Boolean, NEVER),
        ("auto_increment", DataType::Boolean, MAYBE),
        ("local_type_name", DataType::Utf8, MAYBE),
        ("minimum_scale", DataType::Int32, MAYBE),
        ("maximum_scale", DataType::Int32, MAYBE),
        ("sql_data_type", DataType::Int32, NEVER),
        ("datetime_subcode", DataType::Int32, MAYBE),
        ("num_prec_radix", DataType::Int32, MAYBE),
        ("interval_precision", DataType::Int32, MAYBE),
    ])
}

fn columns(columns: &[(&str, DataType, bool)]) -> Schema {
    let field = |(name, kind, null): &(&str, DataType, bool)| Field::new(*name, kind.clone(), *null);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

fn stream(batch: &RecordBatch) -> Result<Bytes, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    if batch.num_rows() > 0 {
        writer.write(batch)?;
    }
    writer.into_inner().map(Bytes::from)
}

fn bug(error: ArrowError) -> Failed {
    Failed::Store(StoreError::Bug(format!("what there is cannot be told: {error}")))
}
