//! Who is below whom, where trace context says so, and by guess where it does not.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::model::{Id, Node, Nodes};
use crate::stage::is_query;

/// How a span came to its place without trace context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Placement {
    /// Began a trace of its own and shares the interaction.
    Rejoined,
    /// Names a parent that never arrived.
    Orphan,
    /// Was its own ancestor.
    Cycle,
}

/// Sets parents, children and placements; gives back the roots in the order of their start.
pub(super) fn link(nodes: &mut Nodes<'_>) -> Vec<Id> {
    let ids: Vec<Id> = nodes.ids().collect();
    let mut by_id: HashMap<(&str, &str), Vec<Id>> = HashMap::new();
    for &id in &ids {
        let span = nodes[id].span;
        by_id.entry((&span.trace_id, &span.span_id)).or_default().push(id);
    }
    let of = |trace, span| by_id.get(&(trace, span)).map_or(&[] as &[Id], Vec::as_slice);
    for &id in &ids {
        let span = nodes[id].span;
        let named = span.parent_span_id.as_deref();
        let candidates = of(span.trace_id.as_str(), named.unwrap_or_default());
        let same = of(span.trace_id.as_str(), span.span_id.as_str());
        let parent = client_of_same_id(nodes, id, same).or_else(|| nearest(nodes, id, candidates));
        nodes[id].parent = parent;
        // A stage has its place by what it is; the span of the whole call often comes last.
        if parent.is_none() && named.is_some() && nodes[id].stage.is_none() {
            nodes[id].placement = Some(Placement::Orphan);
        }
    }
    cut_cycles(nodes, &ids);
    place_by_time(nodes, &ids);
    for &id in &ids {
        if let Some(parent) = nodes[id].parent {
            nodes[parent].children.push(id);
        }
    }
    for &id in &ids {
        let mut children = std::mem::take(&mut nodes[id].children);
        children.sort_by(|a, b| by_start(&nodes[*a], &nodes[*b]));
        nodes[id].children = children;
    }
    let mut roots: Vec<Id> = ids.into_iter().filter(|id| nodes[*id].parent.is_none()).collect();
    roots.sort_by(|a, b| by_start(&nodes[*a], &nodes[*b]));
    roots
}

pub(super) fn by_start(a: &Node<'_>, b: &Node<'_>) -> Ordering {
    a.start.cmp(&b.start).then(b.duration().cmp(&a.duration()))
}

/// Everything above these.
pub(super) fn ancestors(nodes: &Nodes<'_>, of: impl Iterator<Item = Id>) -> HashSet<Id> {
    let mut found = HashSet::new();
    for id in of {
        let mut above = nodes[id].parent;
        while let Some(id) = above.filter(|id| found.insert(*id)) {
            above = nodes[id].parent;
        }
    }
    found
}

/// B3 lets a server reuse its client's span id; then the server belongs below that client.
fn client_of_same_id(nodes: &Nodes<'_>, id: Id, same: &[Id]) -> Option<Id> {
    if nodes[id].span.kind != "server" {
        return None;
    }
    same.iter().copied().find(|other| *other != id && nodes[*other].span.kind == "client")
}

fn nearest(nodes: &Nodes<'_>, id: Id, candidates: &[Id]) -> Option<Id> {
    let others = || candidates.iter().copied().filter(|other| *other != id);
    let service = &nodes[id].span.service;
    others()
        .find(|other| nodes[*other].span.service == *service)
        .or_else(|| others().find(|other| nodes[*other].span.kind == "server"))
        .or_else(|| others().next())
}

/// Walks up from every span once; where a walk meets itself, the earliest span of the loop becomes a root.
fn cut_cycles(nodes: &mut Nodes<'_>, ids: &[Id]) {
    let mut done: HashSet<Id> = HashSet::new();
    for &from in ids {
        let mut path = Vec::new();
        let mut on_path = HashSet::new();
        let mut at = Some(from);
        while let Some(id) = at.filter(|id| !done.contains(id) && on_path.insert(*id)) {
            path.push(id);
            at = nodes[id].parent;
        }
        if let Some(met) = at.filter(|id| on_path.contains(id)) {
            let circle = path.iter().copied().skip_while(|id| *id != met);
            if let Some(first) = circle.min_by(|a, b| by_start(&nodes[*a], &nodes[*b])) {
                nodes[first].parent = None;
                nodes[first].placement = Some(Placement::Cycle);
            }
        }
        done.extend(path);
    }
}

/// Work that nothing leads to goes below the call that waited for an answer just then (its server side began a new
/// trace), else below the shortest stage it began in. Both are guesses by time, and marked as such.
fn place_by_time(nodes: &mut Nodes<'_>, ids: &[Id]) {
    let shortest = |found: &mut Vec<Id>| found.sort_by_key(|id| nodes[*id].duration());
    let mut stages: Vec<Id> = ids.iter().copied().filter(|id| nodes[*id].stage.is_some()).collect();
    shortest(&mut stages);
    let leads_to_stage = ancestors(nodes, stages.iter().copied());
    let answered: HashSet<Id> = ids.iter().filter_map(|id| nodes[*id].parent).collect();
    let waits = |id: &Id| {
        let node = &nodes[*id];
        node.parent.is_some() && node.span.kind == "client" && !answered.contains(id) && !is_query(node.span)
    };
    let mut unanswered: Vec<Id> = ids.iter().copied().filter(waits).collect();
    shortest(&mut unanswered);
    let home_of = |id: Id| {
        let node = &nodes[id];
        let around = |other: &Id| nodes[*other].start <= node.start && node.end <= nodes[*other].end;
        let other_service = |other: &Id| nodes[*other].span.service != node.span.service;
        let began = |other: &Id| nodes[*other].start <= node.start && node.start < nodes[*other].end;
        let mut calls = unanswered.iter().copied();
        let mut stages = stages.iter().copied();
        calls
            .find(|call| around(call) && other_service(call))
            .or_else(|| stages.clone().find(around))
            .or_else(|| stages.find(began))
    };
    let lone =
        |id: &Id| nodes[*id].parent.is_none() && nodes[*id].stage.is_none() && !leads_to_stage.contains(id);
    let homes: Vec<(Id, Id)> =
        ids.iter().copied().filter(lone).filter_map(|id| Some((id, home_of(id)?))).collect();
    for (id, home) in homes {
        nodes[id].parent = Some(home);
        nodes[id].placement.get_or_insert(Placement::Rejoined);
    }
}
