//! What Genesys publishes and answers about one conversation: a pure function of scenario, seed and time.

mod story;
mod play;
mod words;
mod json;
pub mod org;
mod conversation;
mod media;
mod detail;
mod execution;
mod metrics;
mod analytics;
mod parties;

use serde_json::Value;

use super::ids::hash;
use super::scenario::{Media, Scenario, What};
use crate::chance::Chance;
use conversation::Form;
use detail::Detail;
use play::Player;
use story::{Purpose, Story};

/// One conversation, played to its end. Views of it are taken as of a time, in milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Record {
    story: Story,
    notices: Vec<Notice>,
    details: Vec<Detail>,
}

/// A message on a topic, with its body.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at_ms: u64,
    pub topic: String,
    pub body: Value,
}

/// A message on a topic, whose body is made when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub at_ms: u64,
    pub topic: String,
    about: About,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Conversation { at: u64 },
    Media { at: u64, media: Media },
    Detail { number: usize },
    Execution { participant: usize },
}

/// A Data Action that a flow calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataAction<'a> {
    pub name: &'a str,
    pub at_ms: u64,
    pub takes_ms: u64,
}

/// A line of the scenario, what is wrong there, and the mend.
pub(super) type Unplayable = (usize, String, String);

impl Record {
    /// Plays a scenario, which [`Scenario::parse`] has tried.
    pub fn new(scenario: &Scenario, seed: u64, start_ms: u64) -> Self {
        Self::try_play(scenario, seed, start_ms).unwrap_or_else(|_| {
            // A scenario changed by hand after it was read: what could be played of it is nothing.
            Self { story: Story::new(scenario, seed, start_ms), notices: Vec::new(), details: Vec::new() }
        })
    }

    pub(super) fn try_play(scenario: &Scenario, seed: u64, start_ms: u64) -> Result<Self, Unplayable> {
        let mut story = Story::new(scenario, seed, start_ms);
        let mut player = Player::new(&mut story, start_ms);
        let at = |line: usize| move |(what, mend): (String, &str)| (line, what, mend.to_owned());
        let mut last = 1;
        for step in &scenario.steps {
            player.step(&step.what).map_err(at(step.line))?;
            last = step.line;
        }
        player.finish().map_err(at(last))?;
        Ok(Self::of(story))
    }

    fn of(story: Story) -> Self {
        let details = detail::all(&story);
        let notices = notices(&story, &details);
        Self { story, notices, details }
    }

    /// From `at_ms` on other steps happen than those of the scenario: somebody used the API.
    pub fn intervene(&mut self, at_ms: u64, steps: &[What]) -> Result<(), String> {
        let mut story = self.story.clone();
        story.cut(at_ms);
        let mut player = Player::new(&mut story, at_ms);
        for step in steps {
            player.step(step).map_err(|(what, mend)| format!("{what}; {mend}"))?;
        }
        player.finish().map_err(|(what, _)| what)?;
        *self = Self::of(story);
        Ok(())
    }

    /// Participant data or UUI, written through the API. False if there is no such participant by then.
    pub fn set_attributes(&mut self, at_ms: u64, participant: &str, values: &[(String, String)]) -> bool {
        let known = self.story.participants.iter().any(|one| one.id == participant && one.begins <= at_ms);
        if known {
            let set = |(key, value): &(String, String)| story::Attribute {
                at: at_ms,
                participant: participant.to_owned(),
                key: key.clone(),
                value: value.clone(),
            };
            self.story.attributes.extend(values.iter().map(set));
            self.story.attributes.sort_by_key(|attribute| attribute.at);
            *self = Self::of(self.story.clone());
        }
        known
    }

    /// Participant data that the customer has from the beginning.
    pub(super) fn set_first_attributes(&mut self, values: &[(String, String)]) {
        let begins = self.story.participants.get(self.story.anchor).map(|one| one.begins);
        if let Some(begins) = begins.filter(|_| !values.is_empty()) {
            self.set_customer_data(begins, values);
        }
    }

    /// Participant data of the customer, as flows write it.
    pub(super) fn set_customer_data(&mut self, at_ms: u64, values: &[(String, String)]) {
        let customer = self.story.participants.get(self.story.anchor).map(|one| one.id.clone());
        self.set_attributes(at_ms, customer.as_deref().unwrap_or_default(), values);
    }

    pub fn set_uui_data(&mut self, uui: &str) {
        self.story.uui = Some(uui.to_owned());
    }

    pub fn conversation_id(&self) -> &str {
        &self.story.id
    }

    pub fn start_ms(&self) -> u64 {
        self.story.start
    }

    /// When the last participant left; wrap-up may go on.
    pub fn end_ms(&self) -> u64 {
        self.story.end().unwrap_or(self.story.start)
    }

    /// When nothing more is published.
    pub fn last_ms(&self) -> u64 {
        self.notices.last().map_or(self.story.start, |notice| notice.at_ms)
    }

    /// All has been told: only the story is kept, for those who ask later.
    pub(super) fn settle(&mut self) {
        self.notices = Vec::new();
        self.details = Vec::new();
    }

    /// All messages in the order of publication.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    pub fn body(&self, notice: &Notice) -> Value {
        match notice.about {
            About::Conversation { at } => conversation::body(&self.story, at, Form::Topic),
            About::Media { at, media } => media::body(&self.story, at, media, Form::Topic),
            About::Detail { number } => {
                self.details.get(number).map_or(Value::Null, |detail| detail::body(&self.story, *detail))
            }
            About::Execution { participant } => {
                let one = self.story.participants.get(participant);
                one.and_then(|one| execution::body(&self.story, one)).unwrap_or_default()
            }
        }
    }

    /// All messages with their bodies.
    pub fn events(&self) -> Vec<Event> {
        let event = |notice: &Notice| Event {
            at_ms: notice.at_ms,
            topic: notice.topic.clone(),
            body: self.body(notice),
        };
        self.notices.iter().map(event).collect()
    }

    /// `GET /api/v2/conversations/{id}`; none before it begins.
    pub fn conversation(&self, at_ms: u64) -> Option<Value> {
        (self.story.start <= at_ms).then(|| conversation::body(&self.story, at_ms, Form::Rest))
    }

    /// `GET /api/v2/conversations/calls/{id}` and its siblings.
    pub fn media(&self, at_ms: u64, media: Media) -> Option<Value> {
        (self.story.start <= at_ms).then(|| media::body(&self.story, at_ms, media, Form::Rest))
    }

    /// From when on analytics knows of it.
    pub fn analytics_begins_ms(&self) -> u64 {
        self.story.start + analytics::LAG_MS
    }

    /// The record of the analytics query and of the look-up by id; none until some seconds after the beginning.
    pub fn analytics(&self, at_ms: u64) -> Option<Value> {
        (self.analytics_begins_ms() <= at_ms).then(|| analytics::body(&self.story, at_ms, false))
    }

    /// The record of an analytics job: participants have their attributes.
    pub fn analytics_with_attributes(&self, at_ms: u64) -> Option<Value> {
        (self.analytics_begins_ms() <= at_ms).then(|| analytics::body(&self.story, at_ms, true))
    }

    /// The Data Actions of its flows, in the order of time.
    pub fn data_actions(&self) -> Vec<DataAction<'_>> {
        let flows = self.story.participants.iter().filter_map(|one| one.flow.as_ref());
        let actions = flows.flat_map(|flow| &flow.actions);
        actions
            .map(|action| DataAction { name: &action.name, at_ms: action.at, takes_ms: action.takes })
            .collect()
    }
}

/// Every time at which a snapshot differs from the one before.
fn changes(story: &Story) -> Vec<u64> {
    let mut all = Vec::new();
    for one in &story.participants {
        for leg in &one.legs {
            all.extend(leg.phases.iter().map(|phase| phase.from));
            all.extend(leg.end.map(|end| end.at));
            all.extend(conversation::terminates(one, leg));
        }
        all.extend(one.wrap_up.iter().flat_map(|wrap_up| [wrap_up.from, wrap_up.to]));
    }
    all.extend(story.attributes.iter().map(|attribute| attribute.at));
    all.extend(
        story.transfers.iter().flat_map(|one| [Some(one.issued), one.resolved.map(|(at, _)| at)]).flatten(),
    );
    all.sort_unstable();
    all.dedup();
    all
}

/// Queues and users from the moment at which they take part.
fn places(story: &Story) -> Vec<(u64, String)> {
    let mut places: Vec<(u64, String)> = Vec::new();
    for one in &story.participants {
        let queue = one.queue.as_deref().map(|queue| format!("v2.routing.queues.{}", org::queue_id(queue)));
        let user = one.user.as_deref().map(|user| format!("v2.users.{}", org::user_id(user)));
        for place in [queue, user].into_iter().flatten() {
            if !places.iter().any(|(_, known)| *known == place) {
                places.push((one.begins, place));
            }
        }
    }
    places
}

fn notices(story: &Story, details: &[Detail]) -> Vec<Notice> {
    let (changes, mut all) = (changes(story), Vec::new());
    for (since, place) in places(story) {
        let mut last = 0;
        for at in changes.iter().copied().filter(|at| *at >= since) {
            last = published(story, &place, at, 20, 120).max(last);
            let topic = format!("{place}.conversations");
            all.push(Notice { at_ms: last, topic, about: About::Conversation { at } });
            for media in media_by(story, at) {
                let topic = format!("{place}.conversations.{}", media.list());
                all.push(Notice { at_ms: last, topic, about: About::Media { at, media } });
            }
        }
    }
    let mut last = 0;
    for (number, detail) in details.iter().enumerate() {
        let suffix = detail.kind.suffix();
        // Out of order they come only where a fault says so.
        last = published(story, suffix, detail.at, 50, 300).max(last);
        let topic = format!("v2.detail.events.conversation.{}.{suffix}", story.id);
        all.push(Notice { at_ms: last, topic, about: About::Detail { number } });
    }
    for (participant, one) in story.participants.iter().enumerate() {
        let is_flow = matches!(one.purpose, Purpose::Ivr | Purpose::Workflow);
        if let Some((flow, end)) = one.flow.as_ref().zip(one.ended(u64::MAX)).filter(|_| is_flow) {
            let topic = format!("v2.flows.instances.flow.{}", org::flow_id(&flow.name));
            let at_ms = published(story, &topic, end, 200, 900);
            all.push(Notice { at_ms, topic, about: About::Execution { participant } });
        }
    }
    all.sort_by_key(|notice| notice.at_ms);
    all
}

fn media_by(story: &Story, at: u64) -> Vec<Media> {
    let legs = story.participants.iter().flat_map(|one| &one.legs).filter(|leg| leg.begins() <= at);
    let mut media: Vec<_> = legs.map(|leg| leg.media).collect();
    media.sort_by_key(|media| media.list());
    media.dedup();
    media
}

/// When a client gets to know of something: some milliseconds later, the same ones in every run.
fn published(story: &Story, topic: &str, at: u64, least: u64, most: u64) -> u64 {
    let lag = Chance::new(story.seed ^ hash(topic) ^ at.wrapping_sub(story.start)).below(most - least);
    at + least + lag
}

#[cfg(test)]
mod tests;
