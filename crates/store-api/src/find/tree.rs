//! The spans of one trace with their parents.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use throughline_context::SpanId;

use crate::span::{Kind, Span};

/// All spans of one trace in the order of their start. No span is its own ancestor.
#[derive(Debug, Default)]
pub struct Tree {
    spans: Vec<Arc<Span>>,
    parents: Vec<Option<usize>>,
    children: Vec<u32>,
    duration_ns: u64,
    nested: OnceLock<Vec<Nested>>,
}

/// The place in a walk through the whole tree that counts every coming and going.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Nested {
    pub left: i64,
    pub right: i64,
    /// `left` of the parent, and -1 of a span without one.
    pub parent: i64,
}

impl Tree {
    pub fn new(mut spans: Vec<Arc<Span>>) -> Self {
        spans.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
        let mut by_id: HashMap<SpanId, Vec<usize>> = HashMap::with_capacity(spans.len());
        for (at, span) in spans.iter().enumerate() {
            by_id.entry(span.span_id).or_default().push(at);
        }
        let mut parents: Vec<_> = (0..spans.len()).map(|at| parent(at, &spans, &by_id)).collect();
        cut_circles(&mut parents);
        let mut children = vec![0; spans.len()];
        for parent in parents.iter().flatten() {
            children.get_mut(*parent).into_iter().for_each(|count| *count += 1);
        }
        let start = spans.first().map_or(0, |first| first.start_ns);
        let end = spans.iter().map(|span| span.end_ns()).max().unwrap_or(start);
        Self { spans, parents, children, duration_ns: end - start, nested: OnceLock::new() }
    }

    pub fn spans(&self) -> &[Arc<Span>] {
        &self.spans
    }

    pub fn span(&self, at: usize) -> Option<&Arc<Span>> {
        self.spans.get(at)
    }

    pub fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }

    pub fn children(&self, at: usize) -> u32 {
        self.children.get(at).copied().unwrap_or(0)
    }

    /// The earliest span that has no parent and names none.
    pub fn root(&self) -> Option<&Arc<Span>> {
        self.spans.iter().find(|span| span.parent_span_id.is_none())
    }

    /// From the start of the first span to the end of the last.
    pub fn duration_ns(&self) -> u64 {
        self.duration_ns
    }

    /// Whether the span names a parent that is not here.
    pub fn is_orphan(&self, at: usize) -> bool {
        self.parent(at).is_none() && self.span(at).is_some_and(|span| span.parent_span_id.is_some())
    }

    pub fn nested(&self, at: usize) -> Nested {
        self.nested.get_or_init(|| self.number()).get(at).copied().unwrap_or_default()
    }

    /// Children one after another behind their parents, in the order of their start.
    pub(super) fn top_down(&self) -> Vec<usize> {
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); self.spans.len()];
        let mut waiting = Vec::new();
        for at in (0..self.spans.len()).rev() {
            match self.parent(at).and_then(|parent| below.get_mut(parent)) {
                Some(siblings) => siblings.push(at),
                None => waiting.push(at),
            }
        }
        let mut order = Vec::with_capacity(self.spans.len());
        while let Some(at) = waiting.pop() {
            order.push(at);
            waiting.append(&mut below.get_mut(at).map(std::mem::take).unwrap_or_default());
        }
        order
    }

    fn number(&self) -> Vec<Nested> {
        let mut numbers = vec![Nested::default(); self.spans.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut next = 0;
        let mut count = || {
            next += 1;
            next
        };
        let close = |at: usize, right: i64, numbers: &mut Vec<Nested>| {
            numbers.get_mut(at).into_iter().for_each(|number| number.right = right);
        };
        for at in self.top_down() {
            while let Some(last) = open.pop_if(|last| Some(*last) != self.parent(at)) {
                close(last, count(), &mut numbers);
            }
            let parent =
                self.parent(at).and_then(|parent| numbers.get(parent)).map_or(-1, |above| above.left);
            let left = count();
            numbers.get_mut(at).into_iter().for_each(|number| *number = Nested { left, right: 0, parent });
            open.push(at);
        }
        while let Some(last) = open.pop() {
            close(last, count(), &mut numbers);
        }
        numbers
    }
}

/// A server that shares its id with its client (B3) is below it; otherwise, of several spans with the id of the
/// parent, the one of the same service, else the one that was called.
fn parent(at: usize, spans: &[Arc<Span>], by_id: &HashMap<SpanId, Vec<usize>>) -> Option<usize> {
    let span = spans.get(at)?;
    let named = |id: SpanId| by_id.get(&id).into_iter().flatten().filter(move |other| **other != at).copied();
    let incoming = |kind| matches!(kind, Kind::Server | Kind::Consumer);
    let outgoing = |kind| matches!(kind, Kind::Client | Kind::Producer);
    if incoming(span.kind)
        && let Some(shared) =
            named(span.span_id).find(|at| spans.get(*at).is_some_and(|other| outgoing(other.kind)))
    {
        return Some(shared);
    }
    let rank = |at: &usize| {
        let other = spans.get(*at);
        let same = other.is_some_and(|other| other.resource.service() == span.resource.service());
        (same, other.is_some_and(|other| incoming(other.kind)))
    };
    named(span.parent_span_id?).max_by_key(rank)
}

fn cut_circles(parents: &mut [Option<usize>]) {
    // 0: not seen; otherwise the walk that saw it first.
    let mut seen = vec![0_usize; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while seen.get(at) == Some(&0) {
            seen.get_mut(at).into_iter().for_each(|walk| *walk = start + 1);
            let Some(parent) = parents.get(at).copied().flatten() else { break };
            if seen.get(parent) == Some(&(start + 1)) {
                parents.get_mut(at).into_iter().for_each(|parent| *parent = None);
                break;
            }
            at = parent;
        }
    }
}
