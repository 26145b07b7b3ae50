//! A scenario as each source tells it.

use std::sync::Arc;

use ingest_genesys::read::{self, Limits, Problems};
use ingest_genesys::{Fact, Id, Settings, Source, Span, to_spans};
use serde_json::{Value, json};
use sim::genesys::record::Record;
use sim::genesys::scenario::{Scenario, library};

/// 2026-03-02T09:00:00Z.
const MORNING_MS: u64 = 1_772_442_000_000;
const SEED: u64 = 7;
/// How long a notification takes.
const DELAY_MS: i64 = 140;

pub(crate) struct Played {
    scenario: Scenario,
    record: Record,
    id: Id,
    settings: Settings,
}

impl Played {
    pub(crate) fn new(name: &str) -> Self {
        Self::seeded(name, SEED)
    }

    /// Another seed: other ids, other milliseconds.
    pub(crate) fn seeded(name: &str, seed: u64) -> Self {
        let scenario = library().unwrap().into_iter().find(|one| one.name == name).unwrap();
        let record = Record::new(&scenario, seed, scenario.next_start(MORNING_MS));
        let id = Id::new(record.conversation_id()).unwrap();
        let mut settings = Settings { region: Some("eu-west-1".into()), ..Settings::default() };
        let rest = record.conversation(record.last_ms()).unwrap();
        for participant in rest["participants"].as_array().unwrap() {
            if let (Some(id), Some(name)) =
                (participant["queueId"].as_str(), participant["queueName"].as_str())
            {
                settings.directory.queues.insert(id.into(), name.into());
            }
        }
        // Detail events have the id alone.
        for session in all(&record.analytics(later(&record)).unwrap(), "flow") {
            if let (Some(id), Some(name)) = (session["flowId"].as_str(), session["flowName"].as_str()) {
                settings.directory.flows.insert(Arc::from(id), Arc::from(name));
            }
        }
        Self { scenario, record, id, settings }
    }

    /// Queue and user topics and detail events, each when it is received.
    pub(crate) fn live(&self) -> Vec<Span> {
        self.spans(self.live_facts())
    }

    /// Queue and user topics alone; nothing where none of them ever told of the conversation.
    pub(crate) fn notifications(&self) -> Option<Vec<Span>> {
        let spans = self.spans(self.live_facts().into_iter().filter(|fact| fact.source == Source::Snapshot));
        (!spans.is_empty()).then_some(spans)
    }

    /// Nothing was seen while it lasted.
    pub(crate) fn gap_fill(&self) -> Vec<Span> {
        self.spans(self.gap_facts())
    }

    pub(crate) fn gap_facts(&self) -> Vec<Fact> {
        [self.rest_facts(), self.analytics_facts()].concat()
    }

    pub(crate) fn back_fill(&self) -> Vec<Span> {
        self.spans(self.analytics_facts())
    }

    pub(crate) fn everything(&self) -> Vec<Span> {
        self.spans(self.analytics_facts().into_iter().chain(self.rest_facts()).chain(self.live_facts()))
    }

    /// By how much the clock of analytics is ahead.
    pub(crate) fn analytics_clock(&self) -> i64 {
        self.scenario.clocks.analytics
    }

    pub(crate) fn spans(&self, facts: impl IntoIterator<Item = Fact>) -> Vec<Span> {
        to_spans(&self.id, facts, &self.settings)
    }

    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// When nothing more will be said.
    pub(crate) fn over_ms(&self) -> u64 {
        later(&self.record)
    }

    pub(crate) fn live_facts(&self) -> Vec<Fact> {
        self.live_events().concat()
    }

    /// An entry for each event, without facts where it tells none.
    pub(crate) fn live_events(&self) -> Vec<Vec<Fact>> {
        self.events_received(DELAY_MS)
    }

    /// Each received `later_ms` after it was published, by the clock of the receiver.
    pub(crate) fn events_received(&self, later_ms: i64) -> Vec<Vec<Fact>> {
        let mut events = Vec::new();
        for event in self.record.events() {
            let message = json!({
                "topicName": event.topic,
                "version": "2",
                "eventBody": event.body,
                "metadata": { "CorrelationId": "3b9b8b0e-6f0a-4a57-a5a9-9a3a1b5d5d0f" },
            });
            let received = event.at_ms.saturating_add_signed(later_ms);
            let frame = self.read(|settings, problems| {
                read::frame(message.to_string().as_bytes(), received, settings, &Limits::default(), problems)
            });
            events.push(frame.unwrap().reading.map(|reading| reading.facts).unwrap_or_default());
        }
        events
    }

    pub(crate) fn rest_facts(&self) -> Vec<Fact> {
        self.rest_at(later(&self.record))
    }

    pub(crate) fn analytics_facts(&self) -> Vec<Fact> {
        self.analytics_at(later(&self.record))
    }

    /// What REST answers at a time; nothing before the conversation began.
    pub(crate) fn rest_at(&self, at_ms: u64) -> Vec<Fact> {
        let Some(body) = self.record.conversation(at_ms) else { return Vec::new() };
        let body = body.to_string();
        self.read(|settings, problems| read::rest(body.as_bytes(), settings, &Limits::default(), problems))
            .unwrap()
            .facts
    }

    /// The record of analytics at a time; nothing before there is one.
    pub(crate) fn analytics_at(&self, at_ms: u64) -> Vec<Fact> {
        let Some(body) = self.record.analytics_with_attributes(at_ms) else { return Vec::new() };
        let body = body.to_string();
        let records = self.read(|settings, problems| {
            read::records(body.as_bytes(), settings, &Limits::default(), problems)
        });
        records.into_iter().flat_map(|reading| reading.facts).collect()
    }

    /// When each event was published.
    pub(crate) fn times(&self) -> Vec<u64> {
        self.record.notices().iter().map(|notice| notice.at_ms).collect()
    }

    fn read<T>(&self, read: impl FnOnce(&Settings, &mut Problems) -> T) -> T {
        let mut problems = Problems::default();
        let done = read(&self.settings, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        done
    }
}

fn later(record: &Record) -> u64 {
    record.last_ms() + 60_000
}

/// The values of a key at any depth.
fn all<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match name == key {
                true => vec![value],
                false => all(value, key),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| all(item, key)).collect(),
        _ => Vec::new(),
    }
}
