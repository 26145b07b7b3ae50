//! Finding traces by their spans, and what can be asked for: services, operations, attributes, calls between services.

mod tree;
mod condition;
mod spans;
mod look;
mod names;

use std::sync::Arc;

use throughline_context::TraceId;

pub use condition::{Condition, Field, Scope};
pub use names::{Calls, Keys, Operations, Services, Values};
pub use spans::{Related, Relation, Spans};
pub use tree::{Nested, Tree};

use crate::facts::Facts;
use crate::question::{Limits, Range};
use crate::span::Span;

/// Which traces: those with spans that started in the range and that the expression finds.
#[derive(Clone, Debug)]
pub struct Find {
    /// When a span started.
    pub range: Range,
    pub spans: Spans,
    /// Spans looked at before the look ends.
    pub look_at: usize,
    pub limits: Limits,
}

impl Default for Find {
    fn default() -> Self {
        Self { range: Range::ALL, spans: Spans::ALL, look_at: 1_000_000, limits: Limits::default() }
    }
}

/// One trace that was found.
pub struct Hit<'a> {
    pub trace_id: TraceId,
    pub facts: &'a Facts,
    pub tree: &'a Tree,
    /// Places in the tree of the spans that were asked for, in the order of their start.
    pub matched: &'a [usize],
}

/// How far a look went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// Traces and spans that were looked at.
    pub traces: u64,
    pub spans: u64,
    /// Of traces that started here or later none is missing.
    pub complete_from: u64,
    /// The limits ended the look, not the range or whoever asked.
    pub truncated: bool,
}

impl<'a> Hit<'a> {
    pub fn matched(&self) -> impl Iterator<Item = &'a Arc<Span>> + use<'a> {
        let tree = self.tree;
        self.matched.iter().filter_map(move |at| tree.span(*at))
    }
}

#[cfg(test)]
mod tests;
