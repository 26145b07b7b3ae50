//! What started in one file, as far as the file alone tells.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use store_api::analysis::observe::Traced;
use store_api::analysis::rollup::{self, LEAST_NS, Rollup, Series};
use store_api::part::Row;
use store_api::span::Span;
use throughline_context::TraceId;

pub(super) struct Partial {
    pub(super) rows: Vec<rollup::Row>,
    series: HashSet<Series>,
}

impl Partial {
    /// Of rows of which no two have one identity. Pure: whoever makes it again gets the same.
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut rollup = Rollup::new(LEAST_NS, rollup::SERIES);
        of_traces(rows, &mut rollup);
        let rows = rollup.rows();
        let series = rows.iter().map(|row| row.series.clone()).collect();
        Self { rows, series }
    }

    /// With its bytes in memory, as far as they can be told.
    pub(super) fn weighed(self) -> (Self, usize) {
        let weight = weight(&self.rows) + self.series.len() * size_of::<Series>();
        (self, weight)
    }

    /// How it counts this series.
    pub(super) fn told(&self, series: &Series) -> Series {
        if self.series.contains(series) { series.clone() } else { series.clone().nameless() }
    }
}

pub(super) fn weight(rows: &[rollup::Row]) -> usize {
    let buckets: usize = rows.iter().map(|row| row.histogram.buckets().len()).sum();
    size_of_val(rows) + 8 * buckets
}

/// What these rows amount to, all series told apart as far as there is room. In one order, so that limits on names leave
/// out the same each time.
pub(super) fn of_traces(rows: &[Row], rollup: &mut Rollup) {
    let mut traces: BTreeMap<TraceId, Vec<&Arc<Span>>> = BTreeMap::new();
    for row in rows {
        traces.entry(row.span.trace_id).or_default().push(&row.span);
    }
    for spans in traces.values_mut() {
        spans.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
        Traced::of(spans).observations().for_each(|seen| rollup.add(&seen));
    }
}
