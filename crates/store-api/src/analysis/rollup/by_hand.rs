//! Rows for tests, counted of spans when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use throughline_context::TraceId;

use super::{Kept, LEAST_NS, Rollup, Rollups};
use crate::analysis::observe::Traced;
use crate::error::StoreError;
use crate::question::Range;
use crate::span::Span;

pub(crate) struct ByHand(pub(crate) Vec<Arc<Span>>);

impl Rollups for ByHand {
    fn rollups(&self, range: Range, _widest: u64) -> Result<Kept, StoreError> {
        let mut rollup = Rollup::new(LEAST_NS, 1000);
        let mut of: BTreeMap<TraceId, Vec<&Arc<Span>>> = BTreeMap::new();
        self.0.iter().for_each(|span| of.entry(span.trace_id).or_default().push(span));
        for spans in of.values() {
            let trace = Traced::of(spans);
            let within = trace.observations().filter(|one| range.contains(one.span.start_ns));
            within.for_each(|one| rollup.add(&one));
        }
        Ok(Kept { rows: vec![Arc::new(rollup.rows())], rest: Vec::new() })
    }
}
