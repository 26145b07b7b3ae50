//! What is gathered for an answer, and how much of it fits.

mod ui;
mod summary;

use std::ops::ControlFlow;
use std::sync::Arc;

use store_api::Span;
use store_api::find::{Extent, Hit};
use throughline_context::TraceId;

pub(super) use summary::Summary;
pub(super) use ui::{UiTrace, said, written};

use crate::query::LIMITS;

/// The spans of one trace, in the order of their start.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) trace_id: TraceId,
    pub(super) spans: Vec<Arc<Span>>,
    pub(super) truncated: bool,
}

/// Whole traces, as many as were asked for and fit.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) traces: Vec<Whole>,
    spans: usize,
    bytes: usize,
    full: bool,
}

impl Gathered {
    pub(super) fn add(&mut self, hit: &Hit<'_>, depth: usize) -> ControlFlow<()> {
        let spans = hit.tree.spans();
        self.spans += spans.len();
        self.bytes += spans.iter().map(|span| span.weight()).sum::<usize>();
        if !self.traces.is_empty() && (self.spans > LIMITS.spans || self.bytes > LIMITS.bytes) {
            self.full = true;
            return ControlFlow::Break(());
        }
        let truncated = hit.facts.spans > spans.len() as u64;
        self.traces.push(Whole { trace_id: hit.trace_id, spans: spans.to_vec(), truncated });
        if self.traces.len() < depth { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// What is missing, and why, if anything is.
    pub(super) fn cut(&self, extent: &Extent) -> Option<String> {
        if self.full {
            return Some(format!("only the newest {} traces fit into an answer", self.traces.len()));
        }
        extent.truncated.then(|| cut(extent))
    }
}

pub(super) fn cut(extent: &Extent) -> String {
    format!(
        "only the newest {} traces were looked at; ask for a shorter time range to see older ones",
        extent.traces
    )
}
