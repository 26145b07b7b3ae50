//! What became of one request.

use crate::field::{Field, first, printable};
use crate::probe::Mark;
use crate::seen::Seen;

#[derive(Clone, Debug)]
pub enum Outcome {
    /// The echo saw it and said so.
    Echoed(Answer, Seen),
    /// Somebody else answered; a status from 400 on is a refusal.
    Foreign(Answer),
    /// The connection ended, or the time was up, before an answer.
    Cut(String),
    /// The path does not speak this protocol.
    NotSpoken(String),
    /// No connection at all.
    Unreachable(String),
}

#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<Field>,
    /// The beginning of a page that is not the echo's; products sign their error pages.
    pub page: String,
    /// Answered in the protocol's own form: 101 for a WebSocket, a message for gRPC.
    pub native: bool,
}

impl Answer {
    /// Of somebody who is not the echo.
    fn why(&self) -> String {
        let to = || first(&self.fields, "location").map(|to| printable(to.split('?').next().unwrap_or(to)));
        match (self.status, to()) {
            (301..=308, Some(to)) => {
                format!("status {}: the path leads on to {to}; check that address", self.status)
            }
            (401 | 403, _) => format!("refused with status {}; --header sends what it asks for", self.status),
            (400.., _) => format!("refused with status {}", self.status),
            _ => format!("status {} came from something that is not the echo", self.status),
        }
    }
}

impl Outcome {
    /// From an answer over any protocol.
    pub fn of(answer: Answer, body: &[u8], mark: Mark) -> Self {
        match Seen::from_json(body) {
            Some(seen) if seen.mark().is_some_and(|seen| seen != mark.to_string()) => {
                let age = printable(first(&answer.fields, "age").unwrap_or("none"));
                Self::Cut(format!("the answer belongs to another request: a cache answered (Age: {age})"))
            }
            Some(seen) => Self::Echoed(answer, seen),
            None => {
                let start = body.get(..body.len().min(512)).unwrap_or_default();
                Self::Foreign(Answer { page: crate::field::text(start), ..answer })
            }
        }
    }

    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Echoed(answer, _) | Self::Foreign(answer) => Some(answer),
            Self::Cut(_) | Self::NotSpoken(_) | Self::Unreachable(_) => None,
        }
    }

    pub fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Echoed(_, seen) => Some(seen),
            _ => None,
        }
    }

    /// Why the echo did not see it, in words.
    pub fn why(&self) -> String {
        match self {
            Self::Echoed(..) => "the echo saw it".to_owned(),
            Self::Foreign(answer) => answer.why(),
            Self::Cut(why) | Self::NotSpoken(why) | Self::Unreachable(why) => why.clone(),
        }
    }
}
