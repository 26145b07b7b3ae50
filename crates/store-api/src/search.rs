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

pub(crate) use holds::{Carriers, Carrying};

use std::collections::BTreeSet;

use crate::carried::Carried;
use crate::comparison::{Bound, Pattern, Test};
use crate::stage::Stage;

/// Terms that are looked up for one search; of the others the spans are asked.
const LOOKED_UP: usize = 8;

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
    /// How often agents were alerted.
    Alerts,
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
    /// What terms of it are about that can be looked up; a few.
    pub(crate) fn carried(&self) -> BTreeSet<Carried> {
        let mut found = BTreeSet::new();
        self.root.each_carried(true, &mut |carried| {
            found.insert(carried);
        });
        few(found)
    }

    /// Those of terms that are not turned round: what each leads to may be found.
    pub(crate) fn leads(&self) -> BTreeSet<Carried> {
        let mut found = BTreeSet::new();
        self.root.each_carried(false, &mut |carried| {
            found.insert(carried);
        });
        few(found)
    }

    /// What some span of everything that is found carries.
    pub(crate) fn must_carry(&self) -> Option<Carried> {
        self.root.must_carry()
    }

    /// The only word, where there is nothing else: it may be an id.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.root {
            Term::Word { exact, .. } => Some(exact),
            _ => None,
        }
    }
}

fn few(mut found: BTreeSet<Carried>) -> BTreeSet<Carried> {
    while found.len() > LOOKED_UP {
        found.pop_last();
    }
    found
}

impl Term {
    /// Also of those that are turned round, or not.
    fn each_carried(&self, turned: bool, see: &mut dyn FnMut(Carried)) {
        match self {
            Self::All(terms) | Self::Any(terms) => {
                terms.iter().for_each(|term| term.each_carried(turned, see));
            }
            Self::Not(term) if turned => term.each_carried(turned, see),
            Self::Not(_) => {}
            Self::Word { .. } | Self::Is(..) => self.carried().into_iter().for_each(see),
        }
    }

    /// Of one term.
    fn carried(&self) -> Option<Carried> {
        match self {
            Self::Word { lower, exact } if holds::may_be_id(exact) => {
                Some(Carried { key: None, text: lower.clone() })
            }
            Self::Is(Key::Attribute(key), test) => Carried::by(key, test),
            _ => None,
        }
    }

    fn must_carry(&self) -> Option<Carried> {
        match self {
            Self::All(terms) => terms.iter().find_map(Self::must_carry),
            Self::Is(..) => self.carried(),
            Self::Any(_) | Self::Not(_) | Self::Word { .. } => None,
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
    const ALL: [(&'static str, Self); 8] = [
        ("duration", Self::Duration),
        ("waited", Self::Waited),
        ("worked", Self::Worked),
        ("errors", Self::Errors),
        ("spans", Self::Spans),
        ("traces", Self::Traces),
        ("transfers", Self::Transfers),
        ("alerts", Self::Alerts),
    ];

    fn is_time(self) -> bool {
        !matches!(self, Self::Errors | Self::Spans | Self::Traces | Self::Transfers | Self::Alerts)
    }
}

#[cfg(test)]
mod tests;
