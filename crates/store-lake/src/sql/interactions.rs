//! The table `interactions`, and those that a search finds: what every list of interactions shows, one row each.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, RecordBatch,
    StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use store_api::{Filter, Limits, Recent, Search, Summary};

use super::looking::{Looking, external};
use super::wanted::Wanted;

/// Traces looked at for one question.
const TRACES: usize = 1_000_000;
const CHUNK: usize = 8192;

pub(super) struct Interactions {
    pub(super) looking: Arc<Looking>,
    pub(super) search: Option<Search>,
}

#[async_trait]
impl TableProvider for Interactions {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = Wanted::of(filters, schema(), session)?;
        let limits = Limits { traces: TRACES, ..Limits::default() };
        let recent = Recent {
            range: wanted.range,
            filter: Filter { q: self.search.clone(), ..Filter::default() },
            limit: usize::MAX,
            limits,
            ..Recent::default()
        };
        let (found, all) = self
            .looking
            .read(limits, move |reader| {
                let Some(ids) = wanted.interactions.filter(|_| recent.filter.q.is_none()) else {
                    let page = reader.recent(&recent)?;
                    return Ok((page.interactions, !page.truncated));
                };
                let mut found = Vec::new();
                for id in ids {
                    found.extend(reader.summary(&id)?);
                }
                Ok((found, true))
            })
            .await?;
        if !all {
            return Err(external(self.looking.meter.interactions(TRACES)));
        }
        let batches: Vec<RecordBatch> = found.chunks(CHUNK).map(batch).collect::<Result<_, _>>()?;
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema(), projection.cloned())?)
    }
}

impl fmt::Debug for Interactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interactions")
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        let maybe = |name: &str| Field::new(name, DataType::Utf8, true);
        let texts = |name: &str| Field::new(name, DataType::List(item()), false);
        let entry = DataType::Struct(
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, false)]
                .into(),
        );
        let entries = Arc::new(Field::new("key_value", entry, false));
        Arc::new(Schema::new(vec![
            Field::new("interaction_id", DataType::Utf8, false),
            long("start_ns"),
            long("end_ns"),
            long("duration_ns"),
            maybe("channel"),
            maybe("direction"),
            maybe("region"),
            texts("queues"),
            texts("agents"),
            maybe("outcome"),
            texts("services"),
            long("spans"),
            long("errors"),
            // Nanoseconds by stage.
            Field::new("stages", DataType::Map(entries, false), false),
            long("waited_ns"),
            long("worked_ns"),
            Field::new("running", DataType::Boolean, false),
            texts("trace_ids"),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, false))
}

fn batch(found: &[Summary]) -> Result<RecordBatch, ArrowError> {
    let long = |number: fn(&Summary) -> u64| -> ArrayRef {
        let signed = |summary| i64::try_from(number(summary)).unwrap_or(i64::MAX);
        Arc::new(Int64Array::from_iter_values(found.iter().map(signed)))
    };
    let maybe = |text: fn(&Summary) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(found.iter().map(text)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(found.iter().map(|summary| &summary.id))),
        long(|summary| summary.start_ns),
        long(|summary| summary.end_ns),
        long(Summary::duration_ns),
        maybe(|summary| summary.channel.as_deref()),
        maybe(|summary| summary.direction.as_deref()),
        maybe(|summary| summary.region.as_deref()),
        texts(found.iter().map(|summary| summary.queues.clone())),
        texts(found.iter().map(|summary| summary.agents.clone())),
        maybe(|summary| summary.outcome.as_deref()),
        texts(found.iter().map(|summary| summary.services.clone())),
        long(|summary| summary.span_count),
        long(|summary| summary.error_count),
        stages(found)?,
        long(Summary::waited_ns),
        long(Summary::worked_ns),
        Arc::new(BooleanArray::from_iter(found.iter().map(|summary| Some(summary.running())))),
        texts(found.iter().map(|summary| summary.trace_ids.iter().map(ToString::to_string).collect())),
    ];
    RecordBatch::try_new(schema(), columns)
}

fn texts(rows: impl Iterator<Item = Vec<String>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item());
    for row in rows {
        row.iter().for_each(|text| lists.values().append_value(text));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn stages(found: &[Summary]) -> Result<ArrayRef, ArrowError> {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let value = Arc::new(Field::new("value", DataType::Int64, false));
    let mut maps =
        MapBuilder::new(Some(names), StringBuilder::new(), Int64Builder::new()).with_values_field(value);
    for summary in found {
        for (stage, duration_ns) in &summary.stages {
            maps.keys().append_value(stage.name());
            maps.values().append_value(i64::try_from(*duration_ns).unwrap_or(i64::MAX));
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}
