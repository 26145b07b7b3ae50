//! Who had the call when: caller, IVR with the work below it, queues, agents.

use std::collections::{HashMap, HashSet};

use super::model::{Id, Model, Node};
use crate::stage::{Tone, is_written};
use crate::time;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: &'static str,
    pub(super) detail: String,
    /// 0 is a participant; above that, work below the IVR.
    pub(super) level: usize,
    pub(super) bars: Vec<Bar>,
    /// Time in the call.
    pub(super) total: u64,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) id: Id,
    /// From the fullest to the shortest.
    pub(super) labels: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Caller,
    Ivr,
    Work,
    Other,
}

const FLOW: &str = "genesys_cloud.flow.name";
const AGENT: &str = "interaction.agent.id";
const QUEUE: &str = "interaction.queue.name";

pub(super) fn lanes(model: &Model<'_>) -> Vec<Lane> {
    let stages: Vec<Id> = model.order.iter().copied().filter(|id| model.nodes[*id].stage.is_some()).collect();
    let of = |wanted: &dyn Fn(Tone) -> bool| -> Vec<Id> {
        stages.iter().copied().filter(|id| model.nodes[*id].stage.is_some_and(wanted)).collect()
    };
    let written = stages.iter().any(|id| is_written(model.nodes[*id].span.text("interaction.channel")));
    let ivr = of(&|stage| stage == Tone::Ivr);
    let mut flows: Vec<&str> = Vec::new();
    for span in ivr.iter().map(|id| model.nodes[*id].span) {
        let flow = span.text(FLOW).unwrap_or(&span.name);
        if !flows.contains(&flow) {
            flows.push(flow);
        }
    }
    let with_agent = |id: &Id| model.nodes[*id].span.text(AGENT).is_some();
    let (parked, waits): (Vec<Id>, Vec<Id>) =
        of(&|stage| stage == Tone::Park).into_iter().partition(with_agent);
    let queues = [of(&|stage| stage == Tone::Queue), waits].concat();
    let agents = |stage: Tone| {
        stage.works() || matches!(stage, Tone::Alert | Tone::Hold | Tone::Transfer | Tone::Voicemail)
    };
    let agents = [of(&agents), parked].concat();
    let caller = of(&|stage| stage != Tone::Action && stage.has_caller());
    let mut lanes = Vec::new();
    lanes.extend(lane(
        model,
        Kind::Caller,
        if written { "Customer" } else { "Caller" },
        String::new(),
        caller,
    ));
    lanes.extend(lane(model, Kind::Ivr, "IVR", flows.join(", "), ivr));
    lanes.extend(work(model));
    lanes.extend(grouped(model, QUEUE, "Queue", queues));
    lanes.extend(grouped(model, AGENT, "Agent", agents));
    lanes
}

/// Data Actions and what they call, one lane a layer. A call's own client and server side are one bar: the outer one.
fn work(model: &Model<'_>) -> Vec<Lane> {
    const LAYERS: [Tone; 4] = [Tone::Action, Tone::Http, Tone::Crm, Tone::Db];
    let mut found: HashMap<Tone, Vec<Id>> = HashMap::new();
    // For each span in the IVR, the layers it lies in; parents come first.
    let mut within: HashMap<Id, HashSet<Tone>> = HashMap::new();
    for &id in &model.order {
        let node = &model.nodes[id];
        let in_ivr = node.parent.is_some_and(|parent| model.nodes[parent].stage == Some(Tone::Ivr));
        let around = if in_ivr {
            Some(HashSet::new())
        } else {
            node.parent.and_then(|parent| within.get(&parent).cloned())
        };
        if node.stage != Some(Tone::Action) && (node.stage.is_some() || around.is_none()) {
            continue;
        }
        let mut known = around.unwrap_or_default();
        if known.insert(node.tone) {
            found.entry(node.tone).or_default().push(id);
        }
        within.insert(id, known);
    }
    let used = LAYERS.into_iter().filter_map(|tone| Some((tone, found.remove(&tone)?)));
    let lane_of = |(at, (tone, bars)): (usize, (Tone, Vec<Id>))| {
        let mut services: Vec<&str> = bars.iter().map(|id| model.nodes[*id].span.service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        let detail = match services.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("{} services", several.len()),
        };
        Some(Lane { level: at + 1, ..lane(model, Kind::Work, tone.name(), detail, bars)? })
    };
    used.enumerate().filter_map(lane_of).collect()
}

fn grouped(model: &Model<'_>, key: &str, name: &'static str, found: Vec<Id>) -> Vec<Lane> {
    let mut groups: Vec<(&str, Vec<Id>)> = Vec::new();
    for id in found {
        let node = &model.nodes[id];
        let owner = node.span.text(key);
        // Without an agent's name these still are an agent's time; a ring or a hold alone is not.
        if owner.is_none() && key == AGENT && !node.tone.works() {
            continue;
        }
        let owner = owner.unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, members)) => members.push(id),
            None => groups.push((owner, vec![id])),
        }
    }
    let named = |(owner, members)| lane(model, Kind::Other, name, model.agent(owner).to_owned(), members);
    groups.into_iter().filter_map(named).collect()
}

fn lane(
    model: &Model<'_>,
    kind: Kind,
    name: &'static str,
    detail: String,
    mut found: Vec<Id>,
) -> Option<Lane> {
    found.sort_by(|a, b| super::parents::by_start(&model.nodes[*a], &model.nodes[*b]));
    let total = covered(found.iter().map(|id| &model.nodes[*id]));
    let bar = |id: &Id| Bar { id: *id, labels: labels(kind, &model.nodes[*id]) };
    (!found.is_empty()).then(|| Lane { name, detail, level: 0, bars: found.iter().map(bar).collect(), total })
}

fn labels(kind: Kind, node: &Node<'_>) -> Vec<String> {
    let (name, took) = (node.tone.name().to_owned(), time::coarse(node.duration()));
    match (kind, node.span.text(FLOW)) {
        (Kind::Caller, _) => vec![name],
        (Kind::Work, _) => {
            let what = if node.stage.is_some() { &name } else { &node.span.name };
            vec![format!("{what} {}", time::duration(node.duration())), node.span.name.clone()]
        }
        (Kind::Ivr, Some(flow)) => vec![format!("{flow} {took}"), flow.to_owned(), name],
        _ => vec![format!("{name} {took}"), name],
    }
}

/// Length of the union; the nodes come in the order of their start.
pub(super) fn covered<'n, 'a: 'n>(nodes: impl Iterator<Item = &'n Node<'a>>) -> u64 {
    let (total, _) = nodes.fold((0, 0), |(total, until), node| {
        (total + node.end.saturating_sub(node.start.max(until)), node.end.max(until))
    });
    total
}

/// What ran through a whole gap: the caller's stage before others, the shortest first.
pub(super) fn during<'m, 'a>(model: &'m Model<'a>, from: u64, to: u64) -> Option<&'m Node<'a>> {
    let runs = |node: &&Node<'_>| node.stage.is_some() && node.start <= from && node.end >= to;
    model.nodes.iter().filter(runs).min_by_key(|node| (!node.tone.has_caller(), node.duration()))
}
