//! What happens in a conversation, written so that people of a contact centre can read it.
//!
//! A scenario is a YAML file: a comment that says what happens, a few facts, and the steps in order, each a sentence.

mod yaml;
mod file;
mod sentence;
mod library;
mod lengths;

use std::fmt;

pub use library::{demonstration, library};

/// A conversation that can be played. It comes from [`Scenario::parse`], which has tried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The name of the file without its ending.
    pub name: String,
    /// The comment at the head of the file.
    pub about: String,
    /// How often it is chosen, compared with others.
    pub weight: u64,
    pub media: Media,
    pub direction: Direction,
    /// A number or an address, in which the seed chooses a digit for each `#`; without one, the seed chooses it all.
    pub customer: Option<String>,
    pub dialled: Option<String>,
    pub subject: Option<String>,
    /// The time of day at which the conversation begins, in milliseconds, where that matters.
    pub starts: Option<u64>,
    pub clocks: Clocks,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    Voice,
    Callback,
    Chat,
    Message,
    Email,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// By how many milliseconds the clocks of two sources differ from that of the conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    pub events: i64,
    pub analytics: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub line: usize,
    pub what: What,
}

/// One step. All times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Arrives,
    Flow {
        name: String,
        lasts: u64,
    },
    Milestone {
        name: String,
        at: u64,
    },
    DataAction {
        name: String,
        at: u64,
        takes: u64,
    },
    Outcome {
        name: String,
        success: bool,
    },
    Set {
        key: String,
        value: String,
    },
    FlowDisconnects,
    Queue {
        queue: String,
        waits: u64,
    },
    Wait(u64),
    Alert {
        agent: String,
        lasts: u64,
        answer: Answer,
    },
    Talk(u64),
    Hold(u64),
    Park(u64),
    Consult {
        to: Target,
        rings: u64,
        talks: u64,
        end: ConsultEnd,
    },
    Transfer(Transfer),
    Voicemail(u64),
    Disconnects(Party),
    WrapUp {
        agent: String,
        wrap_up: WrapUp,
    },
    /// Of the consultation that runs; only the API says this, scenarios say it with the consultation.
    ConsultEnds(ConsultEnd),
    Dials {
        agent: String,
        contacting: u64,
        rings: u64,
        answered: bool,
    },
    CallsBack {
        rings: u64,
    },
    Calls {
        from: String,
        to: String,
        rings: u64,
        answered: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Answered,
    NoAnswer,
    /// Still ringing when the next step begins.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Agent(String),
    Queue { queue: String, waits: u64, agent: String },
    Number(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsultEnd {
    Completed,
    Cancelled,
    /// All three talk, then the third leaves.
    Joined,
}

/// A blind one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    Agent(String),
    Queue { queue: String, waits: u64 },
    Number { number: String, rings: u64, talks: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    Customer,
    /// Whoever talks to the customer.
    Current,
    Named(String),
    System,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrapUp {
    Done { lasts: u64, code: String },
    Skipped,
    TimedOut(u64),
}

/// Bytes of a file, and steps in it.
pub const MAX_BYTES: usize = 64 << 10;
pub const MAX_STEPS: usize = 200;

/// What is wrong with a scenario, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub file: String,
    pub line: usize,
    pub what: String,
    pub mend: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}; {}", self.file, self.line, self.what, self.mend)
    }
}

impl std::error::Error for Wrong {}

impl Scenario {
    /// Reads the text of a file, and plays it once: what cannot happen is found here.
    pub fn parse(file: &str, text: &str) -> Result<Self, Wrong> {
        let scenario = file::read(file, text)?;
        super::record::Record::try_play(&scenario, 0, 0).map_err(|(line, what, mend)| Wrong {
            file: file.to_owned(),
            line,
            what,
            mend,
        })?;
        Ok(scenario)
    }

    /// The first time from `ms` on at which it may begin.
    pub fn next_start(&self, ms: u64) -> u64 {
        const DAY_MS: u64 = 86_400_000;
        let Some(of_day) = self.starts else { return ms };
        let today = ms / DAY_MS * DAY_MS + of_day;
        if today < ms { today + DAY_MS } else { today }
    }
}

#[cfg(test)]
mod tests;
