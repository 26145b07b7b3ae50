//! What comes back.

use std::sync::Arc;

use throughline_context::TraceId;

use crate::question::Cursor;
use crate::span::Span;
use crate::summary::Summary;

/// What became of appended spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Appended {
    pub spans: usize,
    /// Spans that were there already, and earlier revisions; known only for spans in memory.
    pub duplicates: usize,
}

/// All spans of one trace, in the order of their start.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    pub trace_id: TraceId,
    pub interactions: Vec<String>,
    pub spans: Vec<Arc<Span>>,
    /// The trace has more spans than the limits allow.
    pub truncated: bool,
}

/// All spans of all traces of one interaction, in the order of their start.
#[derive(Clone, PartialEq, Debug)]
pub struct Interaction {
    pub summary: Summary,
    pub spans: Vec<Arc<Span>>,
    /// The interaction has more spans than the limits allow; the summary still covers all of them.
    pub truncated: bool,
}

/// One page of interactions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    pub interactions: Vec<Summary>,
    pub next: Option<Cursor>,
    /// Counted on the first page only.
    pub facets: Facets,
    /// The limits stopped the look through the range, and `next` goes on from there; or a search looked at some spans
    /// only of an interaction that has very many.
    pub truncated: bool,
}

/// How many interactions have which value, if the filter on this very property is left aside; the most
/// frequent first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facets {
    pub region: Vec<Count>,
    pub queue: Vec<Count>,
    pub channel: Vec<Count>,
    pub outcome: Vec<Count>,
    pub service: Vec<Count>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    pub value: String,
    pub count: u64,
}
