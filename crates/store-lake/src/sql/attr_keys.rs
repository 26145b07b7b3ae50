//! The table `attr_keys`: which attributes spans carry, by the day on which those started.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use store_api::StoreError;
use store_api::attr_keys::{AttrKey, Counting};

use super::looking::{Looking, blocking};
use crate::files::{OnDisk, TELLING_ROWS};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

pub(super) struct Keys {
    pub(super) looking: Arc<Looking>,
}

#[async_trait]
impl TableProvider for Keys {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let looking = Arc::clone(&self.looking);
        let rows = blocking(move || rows(&looking)).await?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![batch(&rows)?]], schema(), projection.cloned())?)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// Those of a file count for the day on which its first span started: there is a file for each hour.
fn rows(looking: &Looking) -> Result<Vec<(u64, AttrKey)>, StoreError> {
    let mut days: BTreeMap<u64, Counting> = BTreeMap::new();
    let disk = OnDisk::new(&looking.inner.files, &looking.list);
    let mut looked_at = 0;
    for file in looking.list.values().filter(|file| !file.is_lost()) {
        let (told, rows) = disk.told(file, TELLING_ROWS - looked_at)?;
        looked_at += rows;
        days.entry(file.about.first_start_ns / DAY_NS).or_default().join(&told);
    }
    for shelf in &looking.shelves {
        for row in shelf.all() {
            days.entry(row.span.start_ns / DAY_NS).or_default().see(&row.span);
        }
    }
    let told = days.into_iter().map(|(day, counting)| (day, counting.told().keys));
    Ok(told.flat_map(|(day, keys)| keys.into_iter().map(move |key| (day, key))).collect())
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let time = |name: &str| {
            Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false)
        };
        Arc::new(Schema::new(vec![
            Field::new("day", DataType::Date32, false),
            text("level"),
            text("key"),
            text("type"),
            Field::new("spans", DataType::Int64, false),
            time("first_seen"),
            time("last_seen"),
            Field::new("examples", DataType::List(item()), false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, false))
}

fn batch(rows: &[(u64, AttrKey)]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&AttrKey) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, key)| of(key))))
    };
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let time = |of: fn(&AttrKey) -> u64| -> ArrayRef {
        let times = rows.iter().map(|(_, key)| signed(of(key)));
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let mut examples = ListBuilder::new(StringBuilder::new()).with_field(item());
    for (_, key) in rows {
        key.values.iter().for_each(|(text, _)| examples.values().append_value(text));
        examples.append(true);
    }
    let days = rows.iter().map(|(day, _)| i32::try_from(*day).unwrap_or(i32::MAX));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values(days)),
        text(|key| key.level.name()),
        text(|key| &key.key),
        text(|key| key.kind.name()),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, key)| signed(key.spans)))),
        time(|key| key.first_ns),
        time(|key| key.last_ns),
        Arc::new(examples.finish()),
    ];
    RecordBatch::try_new(schema(), columns)
}
