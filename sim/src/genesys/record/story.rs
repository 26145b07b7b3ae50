//! What really happened in a conversation: the one truth that every view of Genesys is taken from.
//!
//! It is written ahead to its end. Whoever looks at it does so as of a time.

use crate::chance::Chance;
use crate::genesys::ids::{self, named};
use crate::genesys::scenario::{Clocks, Direction, Media, Scenario};

#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) seed: u64,
    pub(super) id: String,
    pub(super) start: u64,
    pub(super) media: Media,
    pub(super) direction: Direction,
    pub(super) clocks: Clocks,
    /// The customer's address, and what the customer dialled or wrote to.
    pub(super) customer: String,
    pub(super) dialled: String,
    pub(super) subject: Option<String>,
    pub(super) uui: Option<String>,
    pub(super) participants: Vec<Participant>,
    pub(super) transfers: Vec<Transferred>,
    pub(super) attributes: Vec<Attribute>,
    /// The participant whose call all others point at.
    pub(super) anchor: usize,
    pub(super) chance: Chance,
}

#[derive(Clone, Debug)]
pub(super) struct Participant {
    pub(super) id: String,
    pub(super) purpose: Purpose,
    pub(super) begins: u64,
    /// The agent's name in the scenario.
    pub(super) user: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) number: Option<String>,
    pub(super) legs: Vec<Leg>,
    pub(super) wrap_up: Option<AfterCall>,
    /// How wrap-up is asked for, where it is; known before it begins.
    pub(super) wrap_up_prompt: Option<&'static str>,
    pub(super) flow: Option<Flow>,
    /// The participant that asked this one in.
    pub(super) consulted_by: Option<String>,
    /// Who took the call out of this queue.
    pub(super) answered_by: Option<String>,
    /// From when on three parties talk.
    pub(super) conference: Option<u64>,
    pub(super) alerting_timeout_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Customer,
    Ivr,
    Workflow,
    Acd,
    Agent,
    User,
    External,
    Voicemail,
}

/// One call, chat, message, email or callback of a participant: in events a session, in REST a communication.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) id: String,
    pub(super) media: Media,
    pub(super) direction: Direction,
    /// Each lasts until the next begins. Never empty.
    pub(super) phases: Vec<Phase>,
    pub(super) end: Option<End>,
    pub(super) sip_call_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) kind: PhaseKind,
    pub(super) from: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PhaseKind {
    System,
    Ivr,
    Delay,
    /// In a queue.
    Wait,
    Alert,
    Contacting,
    Dialing,
    Interact,
    /// An agent has taken a callback and has not dialled yet, or is on the call.
    Callback,
    Hold,
    Park,
    Voicemail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: u64,
    pub(super) how: Disconnect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disconnect {
    Endpoint,
    Client,
    System,
    Timeout,
    Transfer,
    ConsultTransfer,
    NoAnswer,
    Peer,
}

#[derive(Clone, Debug)]
pub(super) struct AfterCall {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) how: AfterCallEnd,
}

#[derive(Clone, Debug)]
pub(super) enum AfterCallEnd {
    Done(String),
    Skipped,
    TimedOut,
}

#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) name: String,
    pub(super) milestones: Vec<(String, u64)>,
    pub(super) actions: Vec<Action>,
    pub(super) outcome: Option<Outcome>,
    pub(super) exit: Option<FlowExit>,
}

#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) at: u64,
    pub(super) takes: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) success: bool,
    pub(super) at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowExit {
    /// The caller left.
    Disconnect,
    /// The flow ended the call.
    FlowDisconnect,
    ToQueue,
    ToFlow,
}

#[derive(Clone, Debug)]
pub(super) struct Transferred {
    pub(super) id: String,
    pub(super) issued: u64,
    pub(super) resolved: Option<(u64, Resolution)>,
    /// Empty for the delivery from a queue to an agent.
    pub(super) initiator: Option<String>,
    pub(super) to_user: Option<String>,
    pub(super) to_address: String,
    pub(super) attended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    Complete,
    Cancelled,
    Timeout,
}

/// Participant data, written at a time.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) at: u64,
    pub(super) participant: String,
    pub(super) key: String,
    pub(super) value: String,
}

impl Story {
    pub(super) fn new(scenario: &Scenario, seed: u64, start: u64) -> Self {
        let mut chance = Chance::stream(seed, ids::hash(&scenario.name));
        let id = ids::uuid(&mut chance);
        let number = format!("tel:+493023125{:03}", chance.below(1000));
        let address = match scenario.media {
            Media::Voice | Media::Callback => number,
            Media::Email => format!("customer{}@example.com", chance.below(1000)),
            Media::Chat | Media::Message => ids::uuid(&mut chance),
        };
        let dialled = match scenario.media {
            Media::Voice | Media::Callback => "tel:+493023125000".to_owned(),
            Media::Email => "service@example.org".to_owned(),
            Media::Chat | Media::Message => named("deployment", "website"),
        };
        Self {
            seed,
            id,
            start,
            media: scenario.media,
            direction: scenario.direction,
            clocks: scenario.clocks,
            customer: scenario.customer.as_deref().map_or(address, |number| dialable(number, &mut chance)),
            dialled: scenario.dialled.clone().unwrap_or(dialled),
            subject: scenario.subject.clone(),
            uui: None,
            participants: Vec::new(),
            transfers: Vec::new(),
            attributes: Vec::new(),
            anchor: 0,
            chance,
        }
    }

    /// When the last leg ended, if all have.
    pub(super) fn end(&self) -> Option<u64> {
        let legs = self.participants.iter().flat_map(|one| &one.legs);
        legs.map(|leg| leg.end.map(|end| end.at)).try_fold(0, |last, end| end.map(|end| last.max(end)))
    }

    /// The leg that others of this media point at.
    pub(super) fn anchor_leg(&self, media: Media) -> Option<&Leg> {
        self.participants.get(self.anchor)?.legs.iter().find(|leg| leg.media == media)
    }

    /// Forgets what would have happened after `at`.
    pub(super) fn cut(&mut self, at: u64) {
        self.participants.retain(|one| one.begins <= at);
        for one in &mut self.participants {
            one.legs.retain(|leg| leg.begins() <= at);
            let mut reopened = false;
            for leg in &mut one.legs {
                leg.phases.retain(|phase| phase.from <= at);
                reopened |= leg.end.take_if(|end| end.at > at).is_some();
            }
            one.wrap_up.take_if(|wrap_up| wrap_up.from > at);
            one.conference.take_if(|from| *from > at);
            if reopened {
                one.answered_by = None;
            }
            if let Some(flow) = &mut one.flow {
                flow.milestones.retain(|(_, when)| *when <= at);
                flow.actions.retain(|action| action.at <= at);
                flow.outcome.take_if(|outcome| outcome.at > at);
                flow.exit.take_if(|_| reopened);
            }
        }
        self.transfers.retain(|transfer| transfer.issued <= at);
        for transfer in &mut self.transfers {
            transfer.resolved.take_if(|(when, _)| *when > at);
        }
        self.attributes.retain(|attribute| attribute.at <= at);
    }
}

/// A digit for each `#`.
fn dialable(number: &str, chance: &mut Chance) -> String {
    let digit = |letter| match letter {
        '#' => char::from(b'0' + chance.below(10) as u8),
        other => other,
    };
    number.chars().map(digit).collect()
}

impl Participant {
    pub(super) fn new(id: String, purpose: Purpose, begins: u64, leg: Leg) -> Self {
        Self {
            id,
            purpose,
            begins,
            user: None,
            queue: None,
            number: None,
            legs: vec![leg],
            wrap_up: None,
            wrap_up_prompt: None,
            flow: None,
            consulted_by: None,
            answered_by: None,
            conference: None,
            alerting_timeout_ms: None,
        }
    }

    pub(super) fn close(&mut self, at: u64, how: Disconnect) {
        self.legs.iter_mut().for_each(|leg| leg.close(at, how));
    }

    /// The leg that talks.
    pub(super) fn last(&self) -> Option<&Leg> {
        self.legs.last()
    }

    pub(super) fn is_open(&self) -> bool {
        self.legs.iter().any(|leg| leg.end.is_none())
    }

    pub(super) fn in_phase(&self, kinds: &[PhaseKind]) -> bool {
        self.last().is_some_and(|leg| {
            leg.end.is_none() && leg.phases.last().is_some_and(|phase| kinds.contains(&phase.kind))
        })
    }

    /// When its last leg ended, as of `at`.
    pub(super) fn ended(&self, at: u64) -> Option<u64> {
        let ends = self.legs.iter().map(|leg| leg.ended(at).map(|end| end.at));
        ends.reduce(|one, other| Some(one?.max(other?)))?
    }

    pub(super) fn connected(&self, at: u64) -> Option<u64> {
        self.legs.iter().filter_map(|leg| leg.connected(at)).min()
    }
}

impl Leg {
    pub(super) fn begins(&self) -> u64 {
        self.phases.first().map_or(0, |phase| phase.from)
    }

    pub(super) fn ended(&self, at: u64) -> Option<End> {
        self.end.filter(|end| end.at <= at)
    }

    /// The phase as of `at`; none before the beginning and after the end.
    pub(super) fn phase(&self, at: u64) -> Option<Phase> {
        if self.ended(at).is_some() {
            return None;
        }
        self.phases.iter().rev().find(|phase| phase.from <= at).copied()
    }

    pub(super) fn connected(&self, at: u64) -> Option<u64> {
        let mut phases = self.phases.iter().filter(|phase| phase.from <= at);
        Some(phases.find(|phase| phase.kind.is_connected())?.from)
    }

    /// Each phase with its end, if it has ended by `at`.
    pub(super) fn spans(&self, at: u64) -> impl Iterator<Item = (Phase, Option<u64>)> {
        let nexts = self.phases.iter().skip(1).map(|phase| Some(phase.from));
        let ends = nexts.chain([self.end.map(|end| end.at)]);
        let begun = self.phases.iter().zip(ends).filter(move |(phase, _)| phase.from <= at);
        begun.map(move |(phase, end)| (*phase, end.filter(|end| *end <= at)))
    }

    /// How long it was in a phase, all together; the running one counts until `at`.
    pub(super) fn time_in(&self, kind: PhaseKind, at: u64) -> u64 {
        let spans = self.spans(at).filter(|(phase, _)| phase.kind == kind);
        spans.map(|(phase, end)| end.unwrap_or(at) - phase.from).sum()
    }

    pub(super) fn enter(&mut self, kind: PhaseKind, from: u64) {
        self.phases.push(Phase { kind, from });
    }

    pub(super) fn close(&mut self, at: u64, how: Disconnect) {
        if self.end.is_none() {
            self.end = Some(End { at, how });
        }
    }
}

impl PhaseKind {
    pub(super) fn is_connected(self) -> bool {
        !matches!(self, Self::System | Self::Delay | Self::Alert | Self::Contacting | Self::Dialing)
    }
}
