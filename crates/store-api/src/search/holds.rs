//! Whether a search holds for an interaction.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use throughline_context::TraceId;

use super::{Amount, Key, Name, Search, Term, Test};
use crate::analysis::differs::times_alerted;
use crate::analysis::transfers::{may_be_handed_over, times_handed_over};
use crate::carried::Carried;
use crate::span::Span;
use crate::stage::Stage;
use crate::summary::Summary;
use crate::value::{Attributes, Value};

/// From so many characters on, with a digit among them, a word may be an id that stands on a span.
const SHORTEST_ID: usize = 8;

/// The traces that may carry what terms are about.
pub(crate) type Carriers = HashMap<Carried, Carrying>;

#[derive(Clone, Debug)]
pub(crate) struct Carrying {
    pub(crate) traces: Arc<HashSet<TraceId>>,
    /// Of spans that started here or later none is missing.
    pub(crate) from: u64,
}

impl Search {
    /// What the summary alone tells; nothing where the spans have to be asked.
    pub(crate) fn by_summary(&self, summary: &Summary, carriers: &Carriers) -> Option<bool> {
        self.root.by_summary(summary, carriers)
    }

    /// With all spans of the interaction in hand.
    pub(crate) fn holds<S: Borrow<Span>>(&self, summary: &Summary, spans: &[S]) -> bool {
        self.root.holds(summary, spans)
    }
}

impl Term {
    fn by_summary(&self, summary: &Summary, carriers: &Carriers) -> Option<bool> {
        let of = |term: &Self| term.by_summary(summary, carriers);
        match self {
            Self::All(terms) => all(terms.iter().map(of)),
            Self::Any(terms) => all(terms.iter().map(|term| of(term).map(|holds| !holds))).map(|none| !none),
            Self::Not(term) => of(term).map(|holds| !holds),
            Self::Word { lower, exact } => match mentions(summary, lower, exact) {
                false if may_be_id(exact) => self.by_carriers(summary, carriers),
                known => Some(known),
            },
            Self::Is(Key::Name(name), test) => Some(names(summary, *name, test)),
            Self::Is(Key::Amount(Amount::Transfers), test) => {
                (!may_be_handed_over(summary)).then(|| test.fits_number(0.0))
            }
            Self::Is(Key::Amount(Amount::Alerts), test) => {
                let alerted = summary.stages.iter().any(|(stage, _)| *stage == Stage::Alert);
                (!alerted).then(|| test.fits_number(0.0))
            }
            Self::Is(Key::Amount(amount), test) => {
                Some(amount_of(summary, *amount).is_some_and(|is| test.fits_number(is)))
            }
            Self::Is(Key::Attribute(_), _) => self.by_carriers(summary, carriers),
        }
    }

    /// False where it is known which traces carry what the term is about, and none of these does.
    fn by_carriers(&self, summary: &Summary, carriers: &Carriers) -> Option<bool> {
        let Carrying { traces, from } = carriers.get(&self.carried()?)?;
        let none = !summary.trace_ids.iter().any(|trace| traces.contains(trace));
        (none && summary.start_ns >= *from).then_some(false)
    }

    fn holds<S: Borrow<Span>>(&self, summary: &Summary, spans: &[S]) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(summary, spans)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(summary, spans)),
            Self::Not(term) => !term.holds(summary, spans),
            Self::Word { exact, .. } => self
                .by_summary(summary, &Carriers::new())
                .unwrap_or_else(|| spans.iter().any(|span| carries(span.borrow(), exact))),
            Self::Is(Key::Attribute(key), test) => spans.iter().any(|span| {
                attributes(span.borrow()).any(|of| of.get(key).is_some_and(|value| test.fits(value)))
            }),
            Self::Is(Key::Amount(Amount::Transfers), test) => self
                .by_summary(summary, &Carriers::new())
                .unwrap_or_else(|| test.fits_number(times_handed_over(spans) as f64)),
            Self::Is(Key::Amount(Amount::Alerts), test) => {
                self.by_summary(summary, &Carriers::new()).unwrap_or_else(|| {
                    test.fits_number(times_alerted(spans.iter().map(Borrow::<Span>::borrow)) as f64)
                })
            }
            Self::Is(..) => self.by_summary(summary, &Carriers::new()).unwrap_or(false),
        }
    }
}

/// False where one is, true where all are, else nothing.
fn all(terms: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for term in terms {
        match term {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

fn mentions(summary: &Summary, lower: &str, exact: &str) -> bool {
    let names =
        summary.queues.iter().chain(&summary.agents).chain(summary.names.values()).chain(&summary.services);
    summary.id == exact
        || exact.parse().is_ok_and(|trace| summary.trace_ids.contains(&trace))
        || names.into_iter().any(|name| name.to_lowercase().contains(lower))
}

pub(super) fn may_be_id(word: &str) -> bool {
    word.len() >= SHORTEST_ID && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The id of the span, or the value of an attribute: a Call-ID, a message's or a customer's id.
fn carries(span: &Span, id: &str) -> bool {
    let is = |value: &Value| value.as_str() == Some(id);
    span.span_id.to_string() == id || attributes(span).any(|of| of.iter().any(|(_, value)| is(value)))
}

fn attributes(span: &Span) -> impl Iterator<Item = &Attributes> {
    let events = span.events.iter().map(|event| &event.attributes);
    [&span.attributes, span.resource.attributes()].into_iter().chain(events)
}

fn names(summary: &Summary, name: Name, test: &Test) -> bool {
    let Test::Like(pattern) = test else { return false };
    let one = |value: &Option<String>| value.as_ref().is_some_and(|value| pattern.fits(value));
    let among = |values: &[String]| values.iter().any(|value| pattern.fits(value));
    match name {
        Name::Id => pattern.fits(&summary.id),
        Name::Trace => summary.trace_ids.iter().any(|trace| pattern.fits(&trace.to_string())),
        Name::Channel => one(&summary.channel),
        Name::Direction => one(&summary.direction),
        Name::Region => one(&summary.region),
        Name::Queue => among(&summary.queues),
        Name::Agent => among(&summary.agents) || summary.names.values().any(|value| pattern.fits(value)),
        Name::Service => among(&summary.services),
        Name::Outcome => one(&summary.outcome),
        Name::Running => pattern.fits(if summary.running() { "true" } else { "false" }),
        Name::Stage => summary.stages.iter().any(|(stage, _)| pattern.fits(stage.name())),
    }
}

/// Nothing where the interaction never came to that stage.
fn amount_of(summary: &Summary, amount: Amount) -> Option<f64> {
    Some(match amount {
        Amount::Duration => summary.duration_ns(),
        Amount::Waited => summary.waited_ns(),
        Amount::Worked => summary.worked_ns(),
        Amount::In(stage) => summary.stages.iter().find(|(known, _)| *known == stage)?.1,
        Amount::Errors => summary.error_count,
        Amount::Spans => summary.span_count,
        Amount::Traces => summary.trace_ids.len() as u64,
        // Only the spans tell.
        Amount::Transfers | Amount::Alerts => return None,
    } as f64)
}
