//! What the log says of a file's columns, so that readers can pass over it.

use std::collections::BTreeMap;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Map, Value, json};

/// Longer texts are not told: a bound must be whole, or rounded in the right direction.
const LONGEST: usize = 256;

pub(super) struct Stats {
    rows: usize,
    columns: BTreeMap<&'static str, Column>,
}

#[derive(Default)]
struct Column {
    missing: usize,
    bounds: Option<(Bound, Bound)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Number(i64),
    Text(String),
}

impl Stats {
    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self { rows: 0, columns: columns.iter().map(|name| (*name, Column::default())).collect() }
    }

    pub(super) fn observe(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (name, known) in &mut self.columns {
            let Some(column) = batch.column_by_name(name) else { continue };
            known.missing += column.null_count();
            if let Some(numbers) = column.as_any().downcast_ref::<Int64Array>() {
                let bounds = numbers.iter().flatten().min().zip(numbers.iter().flatten().max());
                known.widen(bounds.map(|(least, greatest)| (Bound::Number(least), Bound::Number(greatest))));
            } else if let Some(texts) = column.as_any().downcast_ref::<StringArray>() {
                let bounds = texts.iter().flatten().min().zip(texts.iter().flatten().max());
                let text = |text: &str| Bound::Text(text.to_owned());
                known.widen(bounds.map(|(least, greatest)| (text(least), text(greatest))));
            }
        }
    }

    pub(super) fn json(&self) -> String {
        let (mut least, mut greatest, mut missing) = (Map::new(), Map::new(), Map::new());
        for (name, column) in &self.columns {
            missing.insert((*name).to_owned(), column.missing.into());
            if let Some((low, high)) =
                column.bounds.as_ref().filter(|bounds| bounds.0.is_short() && bounds.1.is_short())
            {
                least.insert((*name).to_owned(), low.json());
                greatest.insert((*name).to_owned(), high.json());
            }
        }
        json!({ "numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": missing })
            .to_string()
    }
}

impl Column {
    fn widen(&mut self, more: Option<(Bound, Bound)>) {
        self.bounds = match (self.bounds.take(), more) {
            (Some(known), Some(more)) => Some((known.0.min(more.0), known.1.max(more.1))),
            (known, more) => known.or(more),
        };
    }
}

impl Bound {
    fn is_short(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Text(text) => text.len() <= LONGEST,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}
