//! The hand-overs of one interaction, read off its stages in the order of time.

use std::borrow::Borrow;

use crate::span::{Span, StatusCode, key};
use crate::stage::Stage;

/// What spans say of a transfer, by source.
const KINDS: [&str; 2] = ["genesys_cloud.transfer.type", "sip.transfer.type"];
const DESTINATION: &str = "genesys_cloud.transfer.destination";
const OUTCOME: &str = "sip.transfer.outcome";

/// Where a call went.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum To {
    Queue(String),
    Agent(String),
    /// Only what kind of place it is: `flow`, `number`, `voicemail`, `unknown` ...
    Place(String),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum How {
    Blind,
    Consult,
    /// Another kind, or nothing tells.
    Other,
    /// The platform moved it on by itself.
    Overflow,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HandOver {
    pub(super) from: Option<String>,
    pub(super) to: To,
    pub(super) how: How,
    /// Until somebody talked, or the call ended.
    pub(super) added_wait_ns: u64,
}

/// One that is not known yet where it goes.
struct Pending<'a> {
    from: Option<&'a str>,
    how: How,
    at: u64,
    place: Option<&'a str>,
}

pub(super) fn hand_overs<S: Borrow<Span>>(spans: &[S]) -> Vec<HandOver> {
    let mut stages: Vec<(Stage, &Span)> =
        spans.iter().map(Borrow::borrow).filter_map(|span: &Span| Some((span.stage()?, span))).collect();
    stages
        .retain(|(stage, span)| *stage != Stage::Wrapup && !(*stage == Stage::Transfer && is_refused(span)));
    stages.sort_by_key(|(stage, span)| (span.start_ns, *stage != Stage::Transfer, span.span_id));
    let end = stages.iter().map(|(_, span)| span.end_ns()).max().unwrap_or(0);
    let talks: Vec<u64> =
        stages.iter().filter(|(stage, _)| *stage == Stage::Talk).map(|(_, span)| span.start_ns).collect();
    let until_talk = |at: u64| talks.iter().find(|talk| **talk >= at).unwrap_or(&end).saturating_sub(at);
    let mut found = Vec::new();
    let (mut queue, mut talked, mut pending) = (None, false, None::<Pending<'_>>);
    let mut take = |pending: Pending<'_>, to: To| {
        found.push(HandOver {
            from: pending.from.map(str::to_owned),
            to,
            how: pending.how,
            added_wait_ns: until_talk(pending.at),
        });
    };
    for (stage, span) in stages {
        match stage {
            Stage::Transfer => {
                if let Some(lost) = pending.take() {
                    let place = lost.place_or_unknown();
                    take(lost, place);
                }
                let place = span.text(DESTINATION);
                pending = Some(Pending { from: queue, how: How::of(span), at: span.start_ns, place });
            }
            Stage::Queue => {
                let name = span.text(key::QUEUE);
                let moved = || {
                    let how = if talked { How::Other } else { How::Overflow };
                    Pending { from: queue, how, at: span.start_ns, place: None }
                };
                let changed = queue.is_some() && queue != name;
                if let Some(pending) = pending.take().or_else(|| changed.then(moved)) {
                    take(pending, name.map_or_else(To::unknown, |name| To::Queue(name.to_owned())));
                }
                (queue, talked) = (name.or(queue), false);
            }
            Stage::Talk => {
                talked = true;
                if let Some(pending) = pending.take() {
                    let agent = span.text(key::AGENT).map(|agent| To::Agent(agent.to_owned()));
                    let place = pending.place_or_unknown();
                    take(pending, agent.unwrap_or(place));
                }
            }
            Stage::Ivr | Stage::Voicemail => {
                if let Some(pending) = pending.take() {
                    let place = if stage == Stage::Ivr { "flow" } else { "voicemail" };
                    take(pending, To::Place(place.to_owned()));
                }
            }
            _ => {}
        }
    }
    if let Some(lost) = pending {
        let place = lost.place_or_unknown();
        take(lost, place);
    }
    found
}

/// The call stayed where it was.
fn is_refused(transfer: &Span) -> bool {
    transfer.status.code == StatusCode::Error || transfer.text(OUTCOME) == Some("failed")
}

impl To {
    fn unknown() -> Self {
        Self::Place("unknown".to_owned())
    }

    pub fn kind(&self) -> &str {
        match self {
            Self::Queue(_) => "queue",
            Self::Agent(_) => "agent",
            Self::Place(place) => place,
        }
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Queue(name) | Self::Agent(name) => Some(name),
            Self::Place(_) => None,
        }
    }
}

impl How {
    fn of(span: &Span) -> Self {
        match KINDS.into_iter().find_map(|key| span.attributes.text(key)) {
            Some("blind") => Self::Blind,
            Some("consult" | "attended") => Self::Consult,
            _ => Self::Other,
        }
    }
}

impl Pending<'_> {
    fn place_or_unknown(&self) -> To {
        self.place.map_or_else(To::unknown, |place| To::Place(place.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;
    use crate::testing::sample::SECOND;

    fn told(samples: impl IntoIterator<Item = Sample>) -> Vec<String> {
        let spans: Vec<Span> = samples.into_iter().map(Sample::span).collect();
        let text = |one: HandOver| {
            let to = one.to.name().map_or(String::new(), |name| format!(" {name}"));
            let (from, kind) = (one.from.as_deref().unwrap_or("-"), one.to.kind());
            format!("{from} -> {kind}{to} {:?} {}", one.how, one.added_wait_ns / SECOND)
        };
        hand_overs(&spans).into_iter().map(text).collect()
    }

    fn stage(n: u8, stage: Stage, start: u64, seconds: u64) -> Sample {
        Sample::new(1, n).stage(stage).at(start, seconds)
    }

    #[test]
    fn hand_overs_are_read_off_the_stages() {
        let queue =
            |n, name: &str, start, seconds| stage(n, Stage::Queue, start, seconds).with(key::QUEUE, name);
        let talk = |n, agent: &str, start| stage(n, Stage::Talk, start, 50).with(key::AGENT, agent);
        let transfer = |n, kind: &str, start| stage(n, Stage::Transfer, start, 1).with(KINDS[0], kind);
        // The same queue again is no hand-over: nobody answered the first alert.
        let again =
            [queue(1, "a", 0, 10), stage(2, Stage::Alert, 10, 20), queue(3, "a", 30, 5), talk(4, "ann", 40)];
        assert_eq!(told(again), [""; 0]);
        let blind =
            [queue(1, "a", 0, 10), talk(2, "ann", 10), transfer(3, "blind", 60), queue(4, "b", 61, 30)];
        assert_eq!(
            told(blind.clone().into_iter().chain([talk(5, "bob", 95), stage(6, Stage::Wrapup, 145, 99)])),
            ["a -> queue b Blind 35"]
        );
        assert_eq!(told(blind), ["a -> queue b Blind 31"], "until the call ended");
        let consult =
            [queue(1, "a", 0, 10), talk(2, "ann", 10), transfer(3, "consult", 60), talk(4, "bob", 60)];
        assert_eq!(told(consult), ["a -> agent bob Consult 0"]);
        let overflow = [queue(1, "a", 0, 10), queue(2, "b", 10, 10), talk(3, "ann", 20)];
        assert_eq!(told(overflow), ["a -> queue b Overflow 10"]);
        let untold = [queue(1, "a", 0, 10), talk(2, "ann", 10), queue(3, "b", 60, 10)];
        assert_eq!(told(untold), ["a -> queue b Other 10"]);
        let out = [talk(1, "ann", 0), transfer(2, "blind", 50).with(DESTINATION, "number")];
        assert_eq!(told(out), ["- -> number Blind 1"]);
        let twice = [talk(1, "ann", 0), transfer(2, "conference", 50), transfer(3, "blind", 60)];
        assert_eq!(told(twice), ["- -> unknown Other 11", "- -> unknown Blind 1"]);
    }

    #[test]
    fn a_refused_transfer_is_no_hand_over() {
        let talk = |n, agent: &str, start| stage(n, Stage::Talk, start, 50).with(key::AGENT, agent);
        let transfer = |n, start| stage(n, Stage::Transfer, start, 1).with(KINDS[1], "blind");
        let refused = transfer(2, 20).change(|span| span.status.code = StatusCode::Error);
        assert_eq!(told([talk(1, "ann", 0), refused.clone()]), [""; 0]);
        assert_eq!(told([talk(1, "ann", 0), transfer(2, 20).with(OUTCOME, "failed")]), [""; 0]);
        let again =
            [talk(1, "ann", 0), refused, transfer(3, 50).with(OUTCOME, "unknown"), talk(4, "bob", 60)];
        assert_eq!(told(again), ["- -> agent bob Blind 10"]);
    }
}
