//! What people type into the one search box.
//!
//! ```text
//! billing                          a part of the name of a queue, an agent or a service, or any id, whole
//! "contact center"                 the same with blanks in it
//! queue=billing* -outcome=handled  all must hold; `-` and `NOT` turn a term round; `*` stands for anything
//! region=eu-west-1 OR region=eu-west-2
//! duration>5m  hold>30s  waited=1m..3m  errors>0
//! http.response.status_code>=500   any attribute of a span, its resource or an event
//! ```
//!
//! A term about attributes holds where one span of the interaction fits, each term by itself.

mod read;
mod holds;

use crate::comparison::{Bound, Pattern, Test};
use crate::stage::Stage;

/// A search that was understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Search {
    root: Term,
}

#[derive(Clone, PartialEq, Debug)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    /// A part of a name, or an id, in small letters and as it came.
    Word {
        lower: String,
        exact: String,
    },
    Is(Key, Test),
}

/// What a term asks about.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Key {
    Name(Name),
    Amount(Amount),
    Attribute(String),
}

/// Texts of an interaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Id,
    Trace,
    Channel,
    Direction,
    Region,
    Queue,
    Agent,
    Service,
    Outcome,
    Stage,
    /// `true` or `false`.
    Running,
}

/// Numbers of an interaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Amount {
    Duration,
    Waited,
    Worked,
    /// The time in one stage.
    In(Stage),
    Errors,
    Spans,
    Traces,
    /// Hand-overs by people, as the transfers are counted.
    Transfers,
}

/// A search that was not understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}, at character {at}")]
pub struct Misread {
    pub what: String,
    /// Counted from 1.
    pub at: usize,
    /// How to write it.
    pub help: String,
}

impl Search {
    /// The only word, where there is nothing else: it may be an id.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.root {
            Term::Word { exact, .. } => Some(exact),
            _ => None,
        }
    }
}

impl Name {
    const ALL: [(&'static str, Self); 11] = [
        ("id", Self::Id),
        ("trace", Self::Trace),
        ("channel", Self::Channel),
        ("direction", Self::Direction),
        ("region", Self::Region),
        ("queue", Self::Queue),
        ("agent", Self::Agent),
        ("service", Self::Service),
        ("outcome", Self::Outcome),
        ("stage", Self::Stage),
        ("running", Self::Running),
    ];
}

impl Amount {
    const ALL: [(&'static str, Self); 7] = [
        ("duration", Self::Duration),
        ("waited", Self::Waited),
        ("worked", Self::Worked),
        ("errors", Self::Errors),
        ("spans", Self::Spans),
        ("traces", Self::Traces),
        ("transfers", Self::Transfers),
    ];

    fn is_time(self) -> bool {
        !matches!(self, Self::Errors | Self::Spans | Self::Traces | Self::Transfers)
    }
}

#[cfg(test)]
mod tests;
