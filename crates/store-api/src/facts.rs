//! What is known about the spans of one trace without looking at them again.
//!
//! Facts can be joined in any order and any grouping with the same result, as long as no span is in both sides:
//! that is how the facts of a flushed part and of a part in memory become those of the whole.

mod firsts;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use firsts::Firsts;

use crate::few::{FewMap, FewSet};
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
    pub interactions: FewSet<String>,
    pub stages: FewMap<Stage, Stretch>,
    pub queues: Firsts,
    pub agents: Firsts,
    /// Of agents, by their ids.
    #[serde(default)]
    pub names: FewMap<Arc<str>, Arc<str>>,
    pub services: Firsts,
    /// The earliest value.
    pub channel: Option<(u64, Arc<str>)>,
    pub direction: Option<(u64, Arc<str>)>,
    /// The most telling source, and of that the earliest value.
    pub region: Option<(Source, u64, Arc<str>)>,
    /// The value of the span that ends last.
    pub outcome: Option<(u64, Arc<str>)>,
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

impl Stretch {
    /// With those of another trace.
    #[must_use]
    pub(crate) fn and(self, more: Self) -> Self {
        Self {
            start_ns: self.start_ns.min(more.start_ns),
            duration_ns: self.duration_ns.saturating_add(more.duration_ns),
        }
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            start_ns: u64::MAX,
            last_start_ns: 0,
            end_ns: 0,
            spans: 0,
            errors: 0,
            interactions: FewSet::default(),
            stages: FewMap::default(),
            queues: Firsts::default(),
            agents: Firsts::default(),
            names: FewMap::default(),
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
        let (mut facts, mut interactions) = (Self::default(), BTreeSet::new());
        for span in spans {
            facts.add(span);
            interactions.extend(span.interaction());
        }
        // A trace may name very many.
        facts.interactions = interactions.into_iter().map(Cow::into_owned).collect();
        facts
    }

    /// All but the interaction.
    fn add(&mut self, span: &Span) {
        let (start, end) = (span.start_ns, span.end_ns());
        self.start_ns = self.start_ns.min(start);
        self.last_start_ns = self.last_start_ns.max(start);
        self.end_ns = self.end_ns.max(end);
        self.spans += 1;
        self.errors += u64::from(span.status.code == StatusCode::Error);
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
        other.stages.iter().for_each(|(stage, stretch)| self.stretch(*stage, *stretch));
        self.queues.join(&other.queues);
        self.agents.join(&other.agents);
        self.services.join(&other.services);
        other.names.iter().for_each(|(agent, name)| self.name(Arc::clone(agent), Arc::clone(name)));
        other.open.iter().for_each(|(stage, end)| self.goes_on(*stage, *end));
        earliest(&mut self.channel, other.channel.clone());
        earliest(&mut self.direction, other.direction.clone());
        earliest(&mut self.region, other.region.clone());
        latest(&mut self.outcome, other.outcome.clone());
    }

    /// Which names stay must not depend on the order.
    fn name(&mut self, agent: Arc<str>, name: Arc<str>) {
        self.names.put(agent, name, |known, name| {
            if name < *known {
                *known = name;
            }
        });
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
        self.stages.put(stage, more, |known, more| *known = known.and(more));
    }

    /// The same with other times: those of a trace differ little from its start, and then compress well.
    #[must_use]
    pub fn at(&self, time: impl Fn(u64) -> u64) -> Self {
        let mut moved = self.clone();
        let stages = moved.stages.iter_mut().map(|(_, stretch)| &mut stretch.start_ns);
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

    /// Takes no more memory than it needs: texts that others have, too, are shared with those.
    pub fn share(&mut self, texts: &mut HashSet<Arc<str>>) {
        let timed = [&mut self.channel, &mut self.direction, &mut self.outcome];
        let all = timed.into_iter().flatten().map(|(_, text)| text);
        let all = all.chain(self.region.as_mut().map(|(_, _, text)| text));
        let all = all.chain(self.names.iter_mut().flat_map(|(agent, name)| [agent, name]));
        let lists = [&mut self.queues, &mut self.agents, &mut self.services];
        for text in all.chain(lists.into_iter().flat_map(Firsts::texts)) {
            match texts.get(text) {
                Some(known) => *text = Arc::clone(known),
                None => drop(texts.insert(Arc::clone(text))),
            }
        }
        self.interactions.shrink();
        self.stages.shrink();
        self.names.shrink();
        self.open.shrink_to_fit();
    }

    /// Estimated bytes in memory, without texts that are shared.
    pub fn weight(&self) -> usize {
        /// Of each piece of memory, for whoever keeps account of it.
        const PIECE: usize = 16;
        let lists = [&self.queues, &self.agents, &self.services].map(Firsts::len);
        let list = |length: usize, one: usize| if length == 0 { 0 } else { length * one + PIECE };
        let ids: usize = self.interactions.iter().map(|id| id.len() + PIECE).sum();
        size_of::<Self>()
            + lists.map(|length| list(length, size_of::<(Arc<str>, u64)>())).into_iter().sum::<usize>()
            + list(self.names.len(), size_of::<[Arc<str>; 2]>())
            + list(self.open.len(), size_of::<(Option<Stage>, u64)>())
            + list(self.stages.len(), size_of::<(Stage, Stretch)>())
            + list(self.interactions.len(), size_of::<String>())
            + ids
    }
}

pub(crate) fn earliest<T: Ord>(known: &mut Option<T>, new: Option<T>) {
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
