//! The tables `spans` and `spans_raw`: what is in memory and the files, as far as a question may be about them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use parquet::arrow::arrow_reader::RowSelection;
use store_api::part::Row;
use throughline_context::TraceId;

use super::joined;
use super::looking::Looking;
use super::overlap::Overlap;
use super::scan::{Chosen, all_but, scan};
use super::text;
use super::wanted::Wanted;
use crate::file::File;
use crate::sieve::Sidecar;
use crate::table::{Ordered, Promoted, encode, promoting};

/// Rows turned into columns at a time.
const CHUNK: usize = 8192;

pub(super) struct Spans {
    looking: Arc<Looking>,
    columns: SchemaRef,
    /// One row for each span, and its trace's interaction; else every row as it is stored.
    resolved: bool,
}

impl Spans {
    pub(super) fn new(looking: &Arc<Looking>, resolved: bool) -> Self {
        let columns = text::viewed(&promoting(&looking.promoted), &["interaction_id", "trace_id"]);
        Self { looking: Arc::clone(looking), columns, resolved }
    }
}

#[async_trait]
impl TableProvider for Spans {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Files are left out by them, pages and rows are left out by the reader; what stays is looked at again.
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
        let wanted = Wanted::of(filters, self.schema(), session)?;
        let overlap = match self.resolved {
            true => self.looking.overlap(wanted.range).await?,
            false => self.looking.as_stored().await?,
        };
        let files = self.files(&wanted, &overlap);
        self.looking.meter.plan(files.len());
        let partitions = session.config().target_partitions();
        let (patched, plain): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(file, _)| overlap.patched.contains(&file.generation));
        let mut parts: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let Looking { inner, meter, .. } = self.looking.as_ref();
        let scan = |files, columns: Option<&Vec<usize>>| {
            scan(inner, meter, self.schema(), files, columns, partitions)
        };
        if !plain.is_empty() {
            parts.push(scan(plain, projection)?);
        }
        if !patched.is_empty() {
            let read = |columns: Option<&Vec<usize>>| scan(patched, columns);
            parts.push(joined::project(&overlap, &self.columns, projection, read)?);
        }
        let hot = hot(&overlap, &wanted, &self.looking.promoted)?;
        if !hot.is_empty() {
            let hot =
                hot.into_iter().map(|rows| text::cast(rows, &self.columns)).collect::<Result<_, _>>()?;
            parts.push(MemorySourceConfig::try_new_exec(&[hot], self.schema(), projection.cloned())?);
        }
        match parts.len() {
            0 => {
                let schema = self.schema();
                let schema = match projection {
                    Some(columns) => Arc::new(schema.project(columns)?),
                    None => schema,
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => parts.pop().ok_or_else(|| DataFusionError::Internal("a part is gone".to_owned())),
            _ => UnionExec::try_new(parts),
        }
    }
}

impl Spans {
    /// The files that may have rows of the answer.
    fn files(&self, wanted: &Wanted, overlap: &Overlap) -> Vec<Chosen> {
        let Looking { inner, list, .. } = self.looking.as_ref();
        let sieves = &inner.files.sieves;
        let generations = |held: Vec<(u64, Vec<usize>)>| held.into_iter().map(|(of, _)| of).collect();
        let of_traces: Option<BTreeSet<u64>> = wanted.traces.as_ref().map(|traces| {
            let ids: Vec<TraceId> = traces.iter().filter_map(|trace| trace.parse().ok()).collect();
            generations(sieves.with_traces(list, &ids))
        });
        let of_interactions: Option<BTreeSet<u64>> = wanted.interactions.as_ref().map(|ids| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut held: BTreeSet<u64> = generations(sieves.with_interactions(list, &ids));
            held.extend(&overlap.patched);
            held
        });
        let held = |of: &Option<BTreeSet<u64>>, file: &File| {
            of.as_ref().is_none_or(|of| of.contains(&file.generation))
        };
        let chosen = list.values().filter(|file| {
            let reached = wanted.range.overlaps(file.about.first_start_ns, file.about.last_start_ns);
            !file.is_lost() && reached && held(&of_traces, file) && held(&of_interactions, file)
        });
        chosen
            .filter_map(|file| {
                let losers = overlap.losers.get(&file.generation).map(Vec::as_slice);
                let counting = losers.map(|losers| all_but(losers, file.about.rows));
                let carrying = match wanted.carried.is_empty() {
                    true => None,
                    false => sieves.terms(file).map(|terms| carrying(&terms, wanted, file.about.rows)),
                };
                let rows = match (counting, carrying) {
                    (Some(counting), Some(carrying)) => Some(counting.intersection(&carrying)),
                    (one, other) => one.or(other),
                };
                let some = rows.as_ref().is_none_or(RowSelection::selects_any);
                some.then(|| (Arc::clone(file), rows))
            })
            .collect()
    }
}

/// The rows that may carry all that is asked for.
fn carrying(terms: &Sidecar, wanted: &Wanted, rows: usize) -> RowSelection {
    let all = RowSelection::from_consecutive_ranges(std::iter::once(0..rows), rows);
    let each = wanted.carried.iter().map(|carried| {
        RowSelection::from_consecutive_ranges(terms.rows_with(carried, rows).into_iter(), rows)
    });
    each.fold(all, |kept, some| kept.intersection(&some))
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resolved { "Spans" } else { "SpansRaw" })
    }
}

/// The rows in memory that may be of the answer.
fn hot(overlap: &Overlap, wanted: &Wanted, promoted: &Promoted) -> Result<Vec<RecordBatch>> {
    let among = |ids: &Option<BTreeSet<String>>, id: Option<&str>| {
        ids.as_ref().is_none_or(|ids| id.is_some_and(|id| ids.contains(id)))
    };
    let traces: Option<BTreeSet<TraceId>> =
        wanted.traces.as_ref().map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
    let holds = |(interaction, row): &&(Option<String>, Row)| {
        wanted.range.contains(row.span.start_ns)
            && traces.as_ref().is_none_or(|traces| traces.contains(&row.span.trace_id))
            && among(&wanted.interactions, interaction.as_deref())
    };
    let rows: Vec<Ordered<'_>> = overlap
        .hot
        .iter()
        .filter(holds)
        .map(|(interaction, row)| Ordered { interaction: interaction.as_deref(), row })
        .collect();
    Ok(rows.chunks(CHUNK).map(|rows| encode(rows, promoted)).collect::<Result<_, _>>()?)
}
