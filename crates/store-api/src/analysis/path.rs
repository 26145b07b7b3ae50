//! The critical path of one interaction: from its end back to its start, what everything waited for at each moment.
//!
//! Stages come first: what the caller goes through is what has a stage, and the spans of legs and of the whole
//! conversation only hold them together. Below a stage it is the child that ended last, and before that one the child that
//! ended last before it began, as far as there is one. A trace without a parent is below the shortest stage that it lies in.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use crate::answer::Interaction;
use crate::span::Span;
use crate::stage::Stage;

#[derive(Clone, PartialEq, Debug)]
pub struct Path {
    pub start_ns: u64,
    pub end_ns: u64,
    /// Where the last span with a stage ended that is not wrap-up.
    pub caller_left_ns: Option<u64>,
    /// In the order of time, without overlap.
    pub steps: Vec<Step>,
    pub idle_ns: u64,
    /// The most first.
    pub shares: Vec<Share>,
    pub truncated: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub span: Arc<Span>,
    pub start_ns: u64,
    pub duration_ns: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    pub stage: Option<Stage>,
    pub service: String,
    pub name: String,
    pub n: u64,
    pub duration_ns: u64,
}

/// A span with its place in the tree.
struct Node<'a> {
    span: &'a Arc<Span>,
    start: u64,
    end: u64,
    parent: Option<usize>,
    children: Vec<usize>,
    /// Without a stage, but with one below: it only holds others together.
    frame: bool,
}

struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    steps: Vec<Step>,
}

/// As of `now_ns`; `whole`: not only until the caller left.
pub fn path(of: &Interaction, whole: bool, now_ns: u64) -> Path {
    let mut tree = Tree::of(&of.spans, now_ns);
    let ends = |counts: fn(Stage) -> bool| {
        let counted = tree.nodes.iter().filter(move |node| node.span.stage().is_some_and(counts));
        counted.map(|node| node.end).max()
    };
    let caller_left_ns = ends(|stage| stage != Stage::Wrapup);
    let last = tree.nodes.iter().map(|node| node.end).max();
    let start_ns = tree.nodes.iter().map(|node| node.start).min().unwrap_or(of.summary.start_ns);
    let end_ns = caller_left_ns.filter(|_| !whole).or(last).unwrap_or(start_ns);
    let (stages, others) = tree.tops(whole);
    let gaps = tree.walk(&stages, None, (start_ns, end_ns));
    let mut idle_ns = 0;
    for gap in gaps {
        let left = tree.walk(&others, None, gap);
        idle_ns += left.iter().map(|(from, until)| until - from).sum::<u64>();
    }
    let mut steps = tree.steps;
    steps.sort_by_key(|step| step.start_ns);
    Path { start_ns, end_ns, caller_left_ns, shares: shares(&steps), steps, idle_ns, truncated: of.truncated }
}

impl<'a> Tree<'a> {
    fn of(spans: &'a [Arc<Span>], now_ns: u64) -> Self {
        let mut nodes: Vec<Node<'a>> = spans
            .iter()
            .map(|span| {
                let end = if span.finished() { span.end_ns() } else { span.end_ns().max(now_ns) };
                Node { span, start: span.start_ns, end, parent: None, children: Vec::new(), frame: false }
            })
            .collect();
        let places: HashMap<(TraceId, SpanId), usize> =
            spans.iter().enumerate().map(|(at, span)| ((span.trace_id, span.span_id), at)).collect();
        for (at, node) in nodes.iter_mut().enumerate() {
            let parent = node.span.parent_span_id.and_then(|id| places.get(&(node.span.trace_id, id)));
            node.parent = parent.copied().filter(|parent| *parent != at);
        }
        let mut tree = Self { nodes, steps: Vec::new() };
        tree.mark_frames();
        tree.hang();
        tree
    }

    fn node(&self, at: usize) -> Option<&Node<'a>> {
        self.nodes.get(at)
    }

    /// Each span above a stage is looked at once, so that parents in a circle come to an end.
    fn mark_frames(&mut self) {
        for at in 0..self.nodes.len() {
            if self.node(at).is_none_or(|node| node.span.stage().is_none()) {
                continue;
            }
            let mut above = self.node(at).and_then(|node| node.parent);
            while let Some(node) = above.and_then(|above| self.nodes.get_mut(above)) {
                if node.frame || node.span.stage().is_some() {
                    break;
                }
                node.frame = true;
                above = node.parent;
            }
        }
    }

    /// Below the next span above that is no frame; spans without one below the shortest stage that they lie in.
    fn hang(&mut self) {
        let mut stages: Vec<(u64, u64, usize)> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.span.stage().is_some())
            .map(|(at, node)| (node.start, node.end, at))
            .collect();
        stages.sort_by_key(|(start, end, _)| end - start);
        for at in 0..self.nodes.len() {
            let Some(node) = self.node(at).filter(|node| !node.frame) else { continue };
            let own = node.parent.filter(|parent| self.node(*parent).is_some_and(|parent| !parent.frame));
            let within = |(start, end, _): &&(u64, u64, usize)| *start <= node.start && node.end <= *end;
            let guessed = || match node.span.stage() {
                Some(_) => None,
                None => stages.iter().find(within).map(|(_, _, stage)| *stage),
            };
            let parent = own.or_else(guessed);
            if let Some(node) = self.nodes.get_mut(at) {
                node.parent = parent;
            }
            if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
                parent.children.push(at);
            }
        }
    }

    /// Those at the top: with a stage, and others.
    fn tops(&self, whole: bool) -> (Vec<usize>, Vec<usize>) {
        let top = |(_, node): &(usize, &Node<'_>)| !node.frame && node.parent.is_none();
        let tops = self.nodes.iter().enumerate().filter(top);
        let counts = tops.filter(|(_, node)| whole || node.span.stage() != Some(Stage::Wrapup));
        let (stages, others): (Vec<_>, Vec<_>) = counts.partition(|(_, node)| node.span.stage().is_some());
        let places = |of: Vec<(usize, &Node<'_>)>| of.into_iter().map(|(at, _)| at).collect();
        (places(stages), places(others))
    }

    /// Walks back through some siblings; gives the stretches in which there was none of them. Without recursion, since
    /// traces may be deep.
    fn walk(&mut self, siblings: &[usize], owner: Option<usize>, stretch: (u64, u64)) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut todo = vec![(owner, siblings.to_vec(), stretch)];
        while let Some((owner, mut siblings, (from, until))) = todo.pop() {
            // Of equals the one that waits, and of these the one that began first.
            siblings.sort_by_key(|at| {
                let node = self.node(*at);
                let waits = node.and_then(|node| node.span.stage()).is_some_and(Stage::waits);
                (std::cmp::Reverse(node.map(|node| node.end)), !waits, node.map(|node| node.start), *at)
            });
            let mut until = until;
            for at in siblings {
                let Some(node) = self.node(at) else { continue };
                let (start, end) = (node.start.max(from), node.end.min(until));
                if start >= end {
                    continue;
                }
                let children = node.children.clone();
                self.own(owner, (end, until), &mut gaps);
                todo.push((Some(at), children, (start, end)));
                until = start;
            }
            self.own(owner, (from, until), &mut gaps);
        }
        gaps
    }

    fn own(&mut self, owner: Option<usize>, (from, until): (u64, u64), gaps: &mut Vec<(u64, u64)>) {
        if from >= until {
            return;
        }
        match owner.and_then(|at| self.nodes.get(at)) {
            Some(node) => self.steps.push(Step {
                span: Arc::clone(node.span),
                start_ns: from,
                duration_ns: until - from,
            }),
            None => gaps.push((from, until)),
        }
    }
}

fn shares(steps: &[Step]) -> Vec<Share> {
    let mut shares: HashMap<(Option<Stage>, &str, &str), (u64, u64)> = HashMap::new();
    for step in steps {
        let kind = (step.span.stage(), step.span.resource.service(), step.span.name.as_str());
        let (n, ns) = shares.entry(kind).or_default();
        *n += 1;
        *ns += step.duration_ns;
    }
    let share = |((stage, service, name), (n, duration_ns)): ((_, &str, &str), (u64, u64))| Share {
        stage,
        service: service.to_owned(),
        name: name.to_owned(),
        n,
        duration_ns,
    };
    let mut shares: Vec<Share> = shares.into_iter().map(share).collect();
    shares.sort_by(|a, b| {
        let name = |of: &Share| (of.stage, of.service.clone(), of.name.clone());
        b.duration_ns.cmp(&a.duration_ns).then_with(|| name(a).cmp(&name(b)))
    });
    shares
}

#[cfg(test)]
mod tests;
