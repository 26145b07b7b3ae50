//! What happens in a call, decided before it starts: pure, and the same for the same seed and number.

mod draft;

use std::time::Duration;

use throughline_context::{SpanId, TraceId};

use draft::Draft;

use crate::chance::Chance;

/// One call from beginning to end, in call time.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The conversation id, a UUID.
    pub conversation: String,
    /// The conversation id without dashes.
    pub trace_id: TraceId,
    /// Its first half: whoever knows the conversation knows the root span.
    pub root_id: SpanId,
    pub region: &'static str,
    pub direction: Direction,
    pub phone: String,
    pub campaign: Option<&'static str>,
    pub steps: Vec<Step>,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// The stages a simulated call can go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Setup,
    Ivr,
    Queue,
    Alert,
    Talk,
    Hold,
    Consult,
    Transfer,
    Voicemail,
    Wrapup,
}

/// One stage of a call. It lasts the pauses of its cues and `rest`, and as long as its Data Actions really take.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub stage: Stage,
    pub cues: Vec<Cue>,
    pub rest: Duration,
    pub queue: Option<Queue>,
    pub agent: Option<String>,
    /// The next step starts when this one starts, not when it ends.
    pub meanwhile: bool,
    /// An agent was offered the call and did not take it.
    pub missed: bool,
}

/// Something inside a stage, `after` a pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub after: Duration,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    Prompt(&'static str),
    Digits(&'static str),
    Lookup,
    Schedule { slot: String },
}

/// Which queue a caller waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The one that the look-up named, or `service` if it named none.
    Routed,
    Named(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    Resolved,
    SelfService,
    Abandoned,
    Voicemail,
    NoAnswer,
}

/// Writes the script of the call with this number.
pub fn script(seed: u64, number: u64) -> Script {
    let mut chance = Chance::stream(seed, number);
    let trace_id = conversation(&mut chance);
    let [a, b, c, d, e, f, g, h, ..] = trace_id.0;
    let region = match chance.below(20) {
        0..12 => "eu-west-2",
        12..17 => "us-east-1",
        _ => "ap-southeast-2",
    };
    let outbound = chance.happens(0.12);
    // Numbers set aside for fiction: the CRM knows the first thousand, and nobody knows the others.
    let phone = match chance.happens(0.03) {
        true => format!("+441632960{:03}", chance.below(1000)),
        false => format!("+442079460{:03}", chance.below(1000)),
    };
    let campaign = match (outbound, chance.below(4)) {
        (true, 0 | 1) => Some("renewal-autumn"),
        (true, _) => Some("delivery-feedback"),
        (false, 0) => Some("broadband-tv-spot"),
        (false, _) => None,
    };
    let mut draft = Draft::new(chance);
    let (direction, outcome) = match outbound {
        true => (Direction::Outbound, draft.outbound()),
        false => (Direction::Inbound, draft.inbound()),
    };
    Script {
        conversation: uuid(trace_id),
        trace_id,
        root_id: SpanId([a, b, c, d, e, f, g, h]),
        region,
        direction,
        phone,
        campaign,
        steps: draft.steps,
        outcome,
    }
}

impl Script {
    /// How long the call takes in call time, without its Data Actions.
    pub fn lasts(&self) -> Duration {
        let (mut now, mut end) = (Duration::ZERO, Duration::ZERO);
        for step in &self.steps {
            end = end.max(now + step.lasts());
            if !step.meanwhile {
                now += step.lasts();
            }
        }
        end
    }
}

impl Step {
    /// How long the stage takes in call time, without its Data Actions.
    pub fn lasts(&self) -> Duration {
        self.cues.iter().map(|cue| cue.after).sum::<Duration>() + self.rest
    }
}

/// A random UUID (RFC 9562, version 4).
fn conversation(chance: &mut Chance) -> TraceId {
    let bits = u128::from(chance.next()) << 64 | u128::from(chance.next());
    let version = bits & !(0xf << 76) | 0x4 << 76;
    TraceId((version & !(0x3 << 62) | 0x2 << 62).to_be_bytes())
}

fn uuid(id: TraceId) -> String {
    let mut text = id.to_string();
    for dash in [20, 16, 12, 8] {
        text.insert(dash, '-');
    }
    text
}

#[cfg(test)]
mod tests;
