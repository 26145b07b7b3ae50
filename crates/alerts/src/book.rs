//! The rules with their states and what is still to be told: in memory as it is kept.

use std::collections::BTreeMap;

use flow::state::{State, StateError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::keep::{self, Changes};
use crate::message::Message;
use crate::preview::RuleExample;
use crate::rule::Rule;
use crate::standing::Standing;
use crate::text;

const RULE: &str = "rule/";
const STANDING: &str = "standing/";
const PAST: &str = "past/";
const NOTE: &str = "note/";

/// Turns that are kept of one rule.
const MOST_PAST: usize = 100;
/// Messages that wait for one receiver; what is more displaces the oldest.
pub(crate) const MOST_NOTES: usize = 500;

/// A rule, and how it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Watched {
    pub rule: Rule,
    pub standing: Standing,
    /// Why the last look failed; null where it did not.
    #[schema(required)]
    pub error: Option<String>,
    /// What happened, the newest first.
    pub past: Vec<Past>,
    /// Of the last window: interactions at p50, p95, p99 and max.
    pub examples: Vec<RuleExample>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Past {
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub at_ns: u64,
    pub outcome: Outcome,
    #[schema(required)]
    pub value: Option<f64>,
    pub n: u64,
    /// More about it: the receiver, and why it was not told.
    #[schema(required)]
    pub why: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Fired,
    Resolved,
    /// A receiver took the message.
    Delivered,
    /// A receiver did not, and is not asked again.
    Undelivered,
}

/// What one receiver has to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) receiver: String,
    pub(crate) message: Message,
    pub(crate) made_ns: u64,
    pub(crate) attempts: u32,
    pub(crate) next_ns: u64,
}

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) rules: BTreeMap<String, Watched>,
    /// In the order in which they were made.
    pub(crate) notes: BTreeMap<u64, Note>,
}

impl Book {
    pub(crate) fn open(state: &dyn State) -> Result<Self, StateError> {
        let mut book = Self::default();
        for (id, rule) in keep::read::<Rule>(state, RULE)? {
            book.rules.insert(id, Watched::new(rule));
        }
        for (id, standing) in keep::read::<Standing>(state, STANDING)? {
            if let Some(watched) = book.rules.get_mut(&id) {
                watched.standing = standing;
            }
        }
        for (id, past) in keep::read::<Vec<Past>>(state, PAST)? {
            if let Some(watched) = book.rules.get_mut(&id) {
                watched.past = past;
            }
        }
        for (number, note) in keep::read::<Note>(state, NOTE)? {
            if let Ok(number) = number.parse() {
                book.notes.insert(number, note);
            }
        }
        Ok(book)
    }

    pub(crate) fn next_note(&self) -> u64 {
        self.notes.last_key_value().map_or(1, |(last, _)| last + 1)
    }
}

impl Watched {
    pub(crate) fn new(rule: Rule) -> Self {
        Self { rule, standing: Standing::default(), error: None, past: Vec::new(), examples: Vec::new() }
    }

    pub(crate) fn happened(&mut self, past: Past) {
        self.past.insert(0, past);
        self.past.truncate(MOST_PAST);
    }
}

impl Changes {
    pub(crate) fn rule(&mut self, rule: &Rule) -> Result<(), StateError> {
        self.put(format!("{RULE}{}", rule.id), rule)
    }

    pub(crate) fn standing(&mut self, id: &str, standing: &Standing) -> Result<(), StateError> {
        self.put(format!("{STANDING}{id}"), standing)
    }

    pub(crate) fn past(&mut self, id: &str, past: &[Past]) -> Result<(), StateError> {
        self.put(format!("{PAST}{id}"), &past)
    }

    pub(crate) fn note(&mut self, number: u64, note: &Note) -> Result<(), StateError> {
        self.put(format!("{NOTE}{number:020}"), note)
    }

    pub(crate) fn without_note(&mut self, number: u64) {
        self.delete(format!("{NOTE}{number:020}"));
    }

    pub(crate) fn without_rule(&mut self, id: &str) {
        for prefix in [RULE, STANDING, PAST] {
            self.delete(format!("{prefix}{id}"));
        }
    }
}
