//! JSON to facts. Total and lenient: what is of the wrong type is counted with its path and left out, what is not known
//! is passed over, and nothing but text that is not JSON makes a whole message worthless.

mod json;
mod problems;
mod sink;
mod frame;
mod snapshot;
mod detail;
mod analytics;

pub use analytics::records;
pub use frame::{Frame, frame};
pub use problems::{Limits, Problems};
pub use snapshot::rest;

use crate::fact::Fact;
use crate::id::Id;

/// What a message says about one conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    pub conversation: Id,
    pub facts: Vec<Fact>,
}

#[cfg(test)]
mod tests;
