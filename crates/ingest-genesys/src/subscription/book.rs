//! Who asked for what: a context by channel and topic, for as long as it is wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use throughline_context::Traceparent;

use super::wish::{Target, Wish};
use crate::Id;

/// What detail events tell, each a topic of its own. They begin with the conversation, and not when it reaches a queue.
pub(super) const DETAIL: [&str; 16] = [
    "acd.start",
    "acd.end",
    "acw",
    "attributes",
    "contact",
    "customer.start",
    "customer.end",
    "flow.start",
    "flow.end",
    "flow.outcome",
    "outbound",
    "user.start",
    "user.end",
    "voicemail.start",
    "voicemail.end",
    "wrapup",
];
/// How long events of a conversation are wanted after its end: wrap-up comes late.
const AFTER_MS: u64 = 5 * 60_000;

/// All subscriptions that were asked for.
#[derive(Debug)]
pub(crate) struct Book {
    /// Conversations and topics at a time.
    most: usize,
    lasts_ms: u64,
    number: u64,
    held: BTreeMap<u64, Subscription>,
    of_topic: HashMap<Arc<str>, BTreeSet<u64>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Subscription {
    pub(crate) wish: Wish,
    /// What is subscribed to on channels, and how far that is.
    pub(crate) topics: BTreeMap<Arc<str>, Place>,
    /// The same of a socket of its own, where there is one.
    pub(crate) line: Option<Place>,
    pub(crate) until_ms: u64,
}

/// How far the subscription to a topic is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Wanted,
    /// Events come in on this channel.
    On(usize),
    Refused(String),
    /// All channels are full.
    Nowhere,
}

/// Why no more is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0} conversations and topics are asked for already; ask again when some have ended, or raise `limit`"
)]
pub(crate) struct Full(usize);

/// How the span of an event stands to the span that asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Child,
    Link,
}

impl Book {
    pub(crate) fn new(most: usize, lasts_ms: u64) -> Self {
        Self { most, lasts_ms, number: 0, held: BTreeMap::new(), of_topic: HashMap::new() }
    }

    /// Takes a wish; true where it is new, and the same one again only lasts longer. `on_channels` where detail topics are
    /// to be subscribed to.
    pub(crate) fn ask(&mut self, wish: Wish, on_channels: bool, now_ms: u64) -> Result<(u64, bool), Full> {
        let until_ms = now_ms.saturating_add(self.lasts_ms);
        if let Some((number, known)) = self.held.iter_mut().find(|(_, known)| known.wish == wish) {
            known.until_ms = known.until_ms.max(until_ms);
            return Ok((*number, false));
        }
        if self.size() + wish.target.size() > self.most {
            return Err(Full(self.size()));
        }
        Ok((self.put(wish, on_channels, until_ms), true))
    }

    /// Of the configuration: it lasts for ever, and takes no place of others.
    pub(crate) fn always(&mut self, wish: Wish, on_channels: bool) -> u64 {
        self.put(wish, on_channels, u64::MAX)
    }

    fn put(&mut self, wish: Wish, on_channels: bool, until_ms: u64) -> u64 {
        self.number += 1;
        let names = wish.target.topics(on_channels);
        for topic in &names {
            self.of_topic.entry(Arc::clone(topic)).or_default().insert(self.number);
        }
        let topics = names.into_iter().map(|topic| (topic, Place::Wanted)).collect();
        let line = !on_channels && matches!(wish.target, Target::Conversations(_));
        let line = line.then_some(Place::Wanted);
        self.held.insert(self.number, Subscription { wish, topics, line, until_ms });
        self.number
    }

    /// False where there is none of this number.
    pub(crate) fn cancel(&mut self, number: u64) -> bool {
        let Some(gone) = self.held.remove(&number) else { return false };
        for topic in gone.topics.keys() {
            if let Some(numbers) = self.of_topic.get_mut(topic) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.of_topic.remove(topic);
                }
            }
        }
        true
    }

    /// Lets go of what is over: its time, or that of all its conversations. Gives back what went.
    pub(crate) fn expire(&mut self, now_ms: u64, ended_ms: impl Fn(&Id) -> Option<u64>) -> Vec<u64> {
        let is_over = |id: &Id| ended_ms(id).is_some_and(|end| end.saturating_add(AFTER_MS) <= now_ms);
        let over = |one: &&Subscription| match &one.wish.target {
            _ if one.until_ms == u64::MAX => false,
            _ if one.until_ms <= now_ms => true,
            Target::Conversations(ids) => ids.iter().all(is_over),
            Target::Topics(_) => false,
        };
        let gone: Vec<u64> =
            self.held.iter().filter(|(_, one)| over(one)).map(|(number, _)| *number).collect();
        gone.iter().for_each(|number| {
            self.cancel(*number);
        });
        gone
    }

    /// All topics that channels have to carry.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        self.of_topic.keys().map(AsRef::as_ref)
    }

    /// A channel says what it carries, and what it was refused.
    pub(crate) fn placed<'a>(
        &mut self,
        channel: usize,
        topics: impl IntoIterator<Item = &'a str>,
        refused: &[(String, String)],
    ) {
        for topic in topics {
            let why = refused.iter().find(|(name, _)| name == topic).map(|(_, why)| why);
            self.place(topic, &why.map_or(Place::On(channel), |why| Place::Refused(why.clone())));
        }
    }

    /// The socket of a subscription says how it is.
    pub(crate) fn line(&mut self, number: u64, open: Result<(), String>) {
        if let Some(line) = self.held.get_mut(&number).and_then(|one| one.line.as_mut()) {
            *line = open.map_or_else(Place::Refused, |()| Place::On(0));
        }
    }

    /// There is no channel for these.
    pub(crate) fn left_out(&mut self, topics: &[String]) {
        topics.iter().for_each(|topic| self.place(topic, &Place::Nowhere));
    }

    fn place(&mut self, topic: &str, place: &Place) {
        for number in self.of_topic.get(topic).into_iter().flatten() {
            if let Some(known) = self.held.get_mut(number).and_then(|one| one.topics.get_mut(topic)) {
                place.clone_into(known);
            }
        }
    }

    /// The subscriptions that an event of this channel and topic comes by.
    pub(crate) fn by_topic(&self, channel: usize, topic: &str) -> impl Iterator<Item = (u64, &Subscription)> {
        let numbers = self.of_topic.get(topic).into_iter().flatten();
        let held = numbers.filter_map(|number| Some((*number, self.held.get(number)?)));
        // The first event can come before the answer to the request that subscribed.
        held.filter(move |(_, one)| match one.topics.get(topic) {
            Some(Place::On(other)) => *other == channel,
            Some(Place::Wanted) => true,
            Some(Place::Refused(_) | Place::Nowhere) | None => false,
        })
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Subscription> {
        self.held.get(&number)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Subscription)> {
        self.held.iter().map(|(number, one)| (*number, one))
    }

    /// What was asked for and goes on.
    pub(crate) fn size(&self) -> usize {
        let asked = self.held.values().filter(|one| one.until_ms < u64::MAX);
        asked.map(|one| one.wish.target.size()).sum()
    }
}

impl Subscription {
    /// A span that is not kept cannot be linked to.
    pub(crate) fn origin(&self) -> Option<(Traceparent, Relation)> {
        let origin = self.wish.origin.filter(Traceparent::is_sampled)?;
        Some((origin, self.wish.relation()))
    }

    /// Whether it asks for events of this conversation; of topics it is whatever they bring.
    pub(crate) fn wants(&self, conversation: &Id) -> bool {
        match &self.wish.target {
            Target::Conversations(ids) => ids.contains(conversation),
            Target::Topics(_) => true,
        }
    }
}

impl Wish {
    /// Only who asked for one conversation, and nothing else, is the parent of what happens in it.
    pub(crate) fn relation(&self) -> Relation {
        match &self.target {
            Target::Conversations(ids) if ids.len() == 1 => Relation::Child,
            Target::Conversations(_) | Target::Topics(_) => Relation::Link,
        }
    }
}

impl Target {
    fn size(&self) -> usize {
        match self {
            Self::Conversations(ids) => ids.len(),
            Self::Topics(topics) => topics.len(),
        }
    }

    fn topics(&self, on_channels: bool) -> Vec<Arc<str>> {
        match self {
            Self::Topics(topics) => topics.iter().cloned().collect(),
            Self::Conversations(_) if !on_channels => Vec::new(),
            Self::Conversations(ids) => ids
                .iter()
                .flat_map(|id| {
                    DETAIL.map(|event| format!("v2.detail.events.conversation.{id}.{event}").into())
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
