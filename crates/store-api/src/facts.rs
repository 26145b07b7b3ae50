//! What is known about the spans of one trace without looking at them again.
//!
//! Facts can be joined in any order and any grouping with the same result, as long as no span is in both sides:
//! that is how the facts of a flushed part and of a part in memory become those of the whole.

mod firsts;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use firsts::Firsts;

use crate::region::Source;
use crate::span::{Span, StatusCode, key};
use crate::stage::Stage;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub start_ns: u64,
    /// When the last span started.
    pub last_start_ns: u64,
    pub end_ns: u64,
    pub spans: u64,
    pub errors: u64,
    pub interactions: BTreeSet<String>,
    pub stages: BTreeMap<Stage, Stretch>,
    pub queues: Firsts,
    pub agents: Firsts,
    /// Of agents, by their ids.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    pub services: Firsts,
    /// The earliest value.
    pub channel: Option<(u64, String)>,
    pub direction: Option<(u64, String)>,
    /// The most telling source, and of that the earliest value.
    pub region: Option<(Source, u64, String)>,
    /// The value of the span that ends last.
    pub outcome: Option<(u64, String)>,
    /// Spans that go on: their stages, and up to when they have been told. In order.
    #[serde(default)]
    pub open: Vec<(Option<Stage>, u64)>,
}

/// All spans of one stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    pub start_ns: u64,
    /// Summed.
    pub duration_ns: u64,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            start_ns: u64::MAX,
            last_start_ns: 0,
            end_ns: 0,
            spans: 0,
            errors: 0,
            interactions: BTreeSet::new(),
            stages: BTreeMap::new(),
            queues: Firsts::default(),
            agents: Firsts::default(),
            names: BTreeMap::new(),
            services: Firsts::default(),
            channel: None,
            direction: None,
            region: None,
            outcome: None,
            open: Vec::new(),
        }
    }
}

impl Facts {
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Self {
        let mut facts = Self::default();
        for span in spans {
            facts.add(span);
        }
        facts
    }

    pub fn add(&mut self, span: &Span) {
        let (start, end) = (span.start_ns, span.end_ns());
        self.start_ns = self.start_ns.min(start);
        self.last_start_ns = self.last_start_ns.max(start);
        self.end_ns = self.end_ns.max(end);
        self.spans += 1;
        self.errors += u64::from(span.status.code == StatusCode::Error);
        if let Some(id) = span.interaction().filter(|id| !self.interactions.contains(id.as_ref())) {
            self.interactions.insert(id.into_owned());
        }
        if let Some(stage) = span.stage() {
            self.stretch(stage, Stretch { start_ns: start, duration_ns: span.duration_ns });
        }
        // In the order of their names: times of their own would be most of what a trace amounts to on disk.
        self.services.note(span.resource.service(), 0);
        for (values, key) in [(&mut self.queues, key::QUEUE), (&mut self.agents, key::AGENT)] {
            if let Some(value) = span.text(key) {
                values.note(value, start);
            }
        }
        if let Some((agent, name)) = span.text(key::AGENT).zip(span.text(key::AGENT_NAME)) {
            self.name(firsts::short(agent), firsts::short(name));
        }
        if !span.finished() {
            self.goes_on(span.stage(), end);
        }
        let text = |key, at| span.text(key).map(|value| (at, firsts::short(value)));
        earliest(&mut self.channel, text(key::CHANNEL, start));
        earliest(&mut self.direction, text(key::DIRECTION, start));
        latest(&mut self.outcome, text(key::OUTCOME, end));
        earliest(
            &mut self.region,
            span.region().map(|(source, value)| (source, start, firsts::short(value))),
        );
    }

    /// Joins the facts of other spans.
    pub fn join(&mut self, other: &Self) {
        self.start_ns = self.start_ns.min(other.start_ns);
        self.last_start_ns = self.last_start_ns.max(other.last_start_ns);
        self.end_ns = self.end_ns.max(other.end_ns);
        self.spans += other.spans;
        self.errors += other.errors;
        self.interactions.extend(other.interactions.iter().cloned());
        for (stage, stretch) in &other.stages {
            self.stretch(*stage, *stretch);
        }
        self.queues.join(&other.queues);
        self.agents.join(&other.agents);
        self.services.join(&other.services);
        other.names.iter().for_each(|(agent, name)| self.name(agent.clone(), name.clone()));
        other.open.iter().for_each(|(stage, end)| self.goes_on(*stage, *end));
        earliest(&mut self.channel, other.channel.clone());
        earliest(&mut self.direction, other.direction.clone());
        earliest(&mut self.region, other.region.clone());
        latest(&mut self.outcome, other.outcome.clone());
    }

    /// Which names stay must not depend on the order.
    fn name(&mut self, agent: String, name: String) {
        let known = self.names.entry(agent).or_insert_with(|| name.clone());
        if name < *known {
            *known = name;
        }
        if self.names.len() > Firsts::MOST {
            self.names.pop_last();
        }
    }

    fn goes_on(&mut self, stage: Option<Stage>, end_ns: u64) {
        let place = self.open.partition_point(|known| *known <= (stage, end_ns));
        self.open.insert(place, (stage, end_ns));
        self.open.truncate(Firsts::MOST);
    }

    fn stretch(&mut self, stage: Stage, more: Stretch) {
        self.stages
            .entry(stage)
            .and_modify(|known| {
                known.start_ns = known.start_ns.min(more.start_ns);
                known.duration_ns = known.duration_ns.saturating_add(more.duration_ns);
            })
            .or_insert(more);
    }

    /// The same with other times: those of a trace differ little from its start, and then compress well.
    #[must_use]
    pub fn at(&self, time: impl Fn(u64) -> u64) -> Self {
        let mut moved = self.clone();
        let stages = moved.stages.values_mut().map(|stretch| &mut stretch.start_ns);
        let earliest = [&mut moved.channel, &mut moved.direction, &mut moved.outcome];
        let values = earliest.into_iter().flatten().map(|(at, _)| at);
        let region = moved.region.as_mut().map(|(_, at, _)| at);
        let lists = moved.queues.times().chain(moved.agents.times());
        let bounds = [&mut moved.start_ns, &mut moved.last_start_ns, &mut moved.end_ns];
        let open = moved.open.iter_mut().map(|(_, end)| end);
        let times = stages.chain(open).chain(values).chain(region).chain(lists).chain(bounds);
        times.for_each(|at| *at = time(*at));
        moved
    }

    /// Estimated bytes in memory.
    pub fn weight(&self) -> usize {
        let texts = self.queues.weight() + self.agents.weight() + self.services.weight();
        let ids: usize = self.interactions.iter().map(|id| id.len() + 2 * size_of::<String>()).sum();
        let names: usize = self.names.iter().map(|(id, name)| id.len() + name.len() + 64).sum();
        let ids = ids + names + self.open.len() * size_of::<(Option<Stage>, u64)>();
        size_of::<Self>() + texts + ids + self.stages.len() * 64 + 96
    }
}

fn earliest<T: Ord>(known: &mut Option<T>, new: Option<T>) {
    if new.is_some() && (known.is_none() || new < *known) {
        *known = new;
    }
}

fn latest<T: Ord>(known: &mut Option<T>, new: Option<T>) {
    if new > *known {
        *known = new;
    }
}

#[cfg(test)]
mod tests;
