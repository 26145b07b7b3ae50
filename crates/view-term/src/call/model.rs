//! Spans to one tree in drawing order. Times are nanoseconds since the first span began.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::parents::{self, Placement};
use crate::answer::Span;
use crate::stage::{Tone, is_query, work_tone};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Id(usize);

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) span: &'a Span,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) stage: Option<Tone>,
    pub(super) tone: Tone,
    /// `None` when trace context said where it belongs.
    pub(super) placement: Option<Placement>,
    pub(super) depth: usize,
    pub(super) parent: Option<Id>,
    pub(super) children: Vec<Id>,
}

impl Node<'_> {
    pub(super) fn duration(&self) -> u64 {
        self.end - self.start
    }
}

#[derive(Debug)]
pub(super) struct Nodes<'a>(Vec<Node<'a>>);

impl<'a> Nodes<'a> {
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.0.len()).map(Id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node<'a>> {
        self.0.iter()
    }
}

impl<'a> Index<Id> for Nodes<'a> {
    type Output = Node<'a>;

    #[expect(clippy::indexing_slicing, reason = "ids are those of the nodes")]
    fn index(&self, id: Id) -> &Node<'a> {
        &self.0[id.0]
    }
}

impl IndexMut<Id> for Nodes<'_> {
    #[expect(clippy::indexing_slicing, reason = "ids are those of the nodes")]
    fn index_mut(&mut self, id: Id) -> &mut Self::Output {
        &mut self.0[id.0]
    }
}

#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) start_ns: u64,
    pub(super) length: u64,
    pub(super) nodes: Nodes<'a>,
    /// A parent stands before what is below it.
    pub(super) order: Vec<Id>,
    pub(super) agents: HashMap<&'a str, &'a str>,
}

impl<'a> Model<'a> {
    pub(super) fn of(spans: &'a [Span]) -> Self {
        let start_ns = spans.iter().map(|span| span.start_ns.0).min().unwrap_or(0);
        let mut nodes = Nodes(spans.iter().map(|span| node(span, start_ns)).collect());
        let roots = parents::link(&mut nodes);
        let order = preorder(&mut nodes, roots);
        paint(&mut nodes, &order);
        let length = nodes.iter().map(|node| node.end).max().unwrap_or(0);
        let agents = spans
            .iter()
            .filter_map(|span| Some((span.text("interaction.agent.id")?, span.text("user.full_name")?)))
            .collect();
        Self { start_ns, length, nodes, order, agents }
    }

    /// In drawing order.
    pub(super) fn drawn(&self) -> impl Iterator<Item = &Node<'a>> {
        self.order.iter().map(|id| &self.nodes[*id])
    }

    /// An agent's name where one is known.
    pub(super) fn agent<'n>(&self, id: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.agents.get(id).copied().unwrap_or(id)
    }
}

fn node(span: &Span, start_ns: u64) -> Node<'_> {
    let start = span.start_ns.0.saturating_sub(start_ns);
    let stage = span.stage.as_deref().and_then(Tone::stage);
    Node {
        span,
        start,
        end: start.saturating_add(span.duration_ns.0),
        stage,
        tone: stage.unwrap_or(Tone::Http),
        placement: None,
        depth: 0,
        parent: None,
        children: Vec::new(),
    }
}

fn preorder(nodes: &mut Nodes<'_>, roots: Vec<Id>) -> Vec<Id> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut todo: Vec<Id> = roots.into_iter().rev().collect();
    while let Some(id) = todo.pop() {
        order.push(id);
        nodes[id].depth = nodes[id].parent.map_or(0, |parent| nodes[parent].depth + 1);
        todo.extend(nodes[id].children.iter().rev());
    }
    order
}

/// Colours follow the stage; below a stage, how many services lie between. A stage's own steps keep its colour.
fn paint(nodes: &mut Nodes<'_>, order: &[Id]) {
    let staged = order.iter().copied().filter(|id| nodes[*id].stage.is_some());
    let around_stages = parents::ancestors(nodes, staged);
    let mut above: HashMap<Id, usize> = HashMap::new();
    for &id in order {
        let (node, parent) = (&nodes[id], nodes[id].parent.map(|parent| &nodes[parent]));
        let same_service = parent.is_some_and(|parent| parent.span.service == node.span.service);
        let step = same_service && node.span.kind == "internal" && !is_query(node.span);
        let tone = match (node.stage, parent) {
            (Some(stage), _) => stage,
            _ if around_stages.contains(&id) => Tone::Call,
            (None, Some(parent)) if step && (parent.tone == Tone::Call || parent.tone.is_stage()) => {
                parent.tone
            }
            (None, parent) => {
                let below_work = parent.filter(|parent| parent.tone != Tone::Call && !parent.tone.is_stage());
                let hops = match (below_work, node.parent) {
                    (Some(_), Some(parent)) => {
                        above.get(&parent).copied().unwrap_or(0) + usize::from(!same_service)
                    }
                    _ => 0,
                };
                above.insert(id, hops);
                work_tone(node.span, hops)
            }
        };
        nodes[id].tone = tone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sketch, span};

    /// The tree as indented lines, with what was guessed.
    fn drawn(sketches: &[Sketch]) -> Vec<String> {
        let spans: Vec<Span> = sketches.iter().map(Sketch::span).collect();
        let line = |node: &Node<'_>| {
            let guess = node.placement.map(|placement| format!(" {placement:?}")).unwrap_or_default();
            format!("{}{}{guess}", "  ".repeat(node.depth), node.span.name)
        };
        Model::of(&spans).drawn().map(line).collect()
    }

    #[test]
    fn the_tree_is_the_pages() {
        let plain = [
            span("c", 3.0, 4.0).below("a"),
            span("a", 0.0, 10.0),
            span("b", 1.0, 2.0).below("a"),
            span("d", 1.0, 2.0).below("b"),
            span("z", 11.0, 12.0),
        ];
        assert_eq!(drawn(&plain), ["a", "  b", "    d", "  c", "z"]);
        let new_trace = [
            span("ivr", 0.0, 30.0).stage("ivr"),
            span("action", 5.0, 9.0).below("ivr").stage("action"),
            span("crm", 6.0, 7.0).trace("u"),
            span("sql", 6.2, 6.4).below("crm").trace("u"),
        ];
        assert_eq!(drawn(&new_trace), ["ivr", "  action", "    crm Rejoined", "      sql"]);
        let unanswered = [
            span("action", 0.0, 9.0).stage("action"),
            span("call", 1.0, 8.0).below("action").kind("client").service("middleware"),
            span("crm", 2.0, 7.0).trace("u").service("crm").kind("server"),
        ];
        assert_eq!(drawn(&unanswered), ["action", "  call", "    crm Rejoined"]);
        let missing = [
            span("queue", 0.0, 20.0).below("gone").stage("queue"),
            span("work", 5.0, 6.0).below("gone"),
            span("late", 25.0, 26.0).below("gone"),
        ];
        assert_eq!(drawn(&missing), ["queue", "  work Orphan", "late Orphan"]);
        let circle = [
            span("a", 1.0, 2.0).below("b"),
            span("b", 0.0, 3.0).below("a"),
            span("self", 4.0, 5.0).below("self"),
        ];
        assert_eq!(drawn(&circle), ["b Cycle", "  a", "self Orphan"]);
    }

    #[test]
    fn tones_follow_stages_and_services() {
        let spans: Vec<Span> = [
            span("call", 0.0, 60.0),
            span("ivr", 0.0, 30.0).below("call").stage("ivr"),
            span("step", 1.0, 2.0).below("ivr"),
            span("lookup", 3.0, 9.0).below("ivr").service("middleware").kind("server"),
            span("customer", 4.0, 8.0).below("lookup").service("backend").kind("server"),
            span("SELECT", 5.0, 6.0)
                .below("customer")
                .service("backend")
                .kind("client")
                .with("db.system", "postgresql"),
        ]
        .iter()
        .map(Sketch::span)
        .collect();
        let tones: Vec<Tone> = Model::of(&spans).drawn().map(|node| node.tone).collect();
        assert_eq!(tones, [Tone::Call, Tone::Ivr, Tone::Ivr, Tone::Http, Tone::Crm, Tone::Db]);
    }
}
