//! What one source says about one leg of a conversation: the smallest piece of knowledge.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::words::{Segment, Word};

/// A piece of knowledge. Facts are never taken back; a set of them is a state of knowledge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub of: Of,
    pub source: Source,
    pub what: What,
}

/// Whom a fact is about: a communication of a participant, the participant, or with neither the conversation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Of {
    pub participant: Option<Id>,
    pub communication: Option<Id>,
}

/// Where a fact comes from; the best informed first. Where two differ, the first one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Source {
    /// An analytics record.
    Analytics,
    /// A conversation fetched by REST.
    Rest,
    /// A conversation as a queue or user topic shows it.
    Snapshot,
    /// A detail event.
    Detail,
}

/// What is said. The order matters where there are too many: the last ones are left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum What {
    /// Something happened, by the clock of the service: exact to the millisecond.
    At(Moment, u64),
    /// A part of a session, with its end if it has ended.
    Segment {
        kind: Segment,
        start: u64,
        end: Option<u64>,
    },
    /// How long something took in all, as detail events tell at the end.
    Lasted(Lasted, u64),
    Says(Says, Word),
    Measured(Measure, i64),
    /// A participant attribute that the settings name.
    Attribute(Arc<(Word, Word)>),
    Flow(Arc<FlowEvent>),
    /// How far the clock of the receiver was ahead of the newest time in a snapshot, at least.
    Ahead(i64),
    /// A snapshot showed this state when it was received: exact to the delay of the notification.
    Seen(State, u64),
}

/// Moments with a time of their own in the body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Moment {
    Start,
    Alerting,
    Connected,
    End,
    HoldStart,
    ParkStart,
    WrapupStart,
    WrapupEnd,
    /// The participant began to consult.
    Consult,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum State {
    Alerting,
    Dialing,
    Held,
    Parked,
    /// Connected, neither held nor parked.
    Free,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Lasted {
    Alerting,
    /// Contacting and dialling.
    Dialing,
    Held,
    Interacting,
    /// From connected to the end, for flows and queues.
    Connected,
}

/// Texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Says {
    Purpose,
    Media,
    Direction,
    Traceparent,
    Agent,
    Queue,
    QueueName,
    /// How the leg began: `alerting` or `dialing`.
    Began,
    Disconnect,
    Peer,
    Provider,
    /// The participant that asked this one in.
    ConsultedBy,
    /// The participant listens in.
    Supervises,
    FlowId,
    FlowName,
    FlowType,
    FlowVersion,
    FlowExit,
    FlowTransfer,
    AcdOutcome,
    UsedRouting,
    WrapupCode,
    WrapupSkipped,
    MessageType,
    SipCallId,
    SipStatus,
    ErrorCode,
    Campaign,
    /// Another conversation that this one came from or went on as.
    Conversation,
    /// The span that asked for the events of this conversation.
    Origin,
    /// Personal data.
    Ani,
    Dnis,
    Name,
    Subject,
    Notes,
}

/// Numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Measure {
    /// Thousandths.
    MinMos,
    MaxLatencyMs,
    AlertingTimeoutMs,
    NotResponding,
    RoutingPriority,
}

/// Something inside a flow.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FlowEvent {
    pub at: u64,
    pub milestone: bool,
    pub id: Word,
    /// `success` or `failure`, of an outcome.
    pub value: Option<Word>,
}

impl What {
    /// The time that it tells about.
    pub(crate) fn time(&self) -> Option<u64> {
        match self {
            Self::At(_, at) | Self::Seen(_, at) => Some(*at),
            Self::Segment { start, end, .. } => Some(end.unwrap_or(*start)),
            Self::Flow(event) => Some(event.at),
            _ => None,
        }
    }

    /// By how many milliseconds the truth may differ from what it says.
    pub fn resolution_ms(&self) -> u64 {
        match self {
            Self::Seen(..) => 2000,
            Self::Lasted(..) => 5,
            _ => 1,
        }
    }
}
