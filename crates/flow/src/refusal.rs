//! Errors that carry a decision: whose fault it is, and when to come back.

use std::time::Duration;

/// Whose fault a failure is. Each boundary (HTTP, gRPC, exit code) maps this once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The request is wrong; repeating it will not help.
    Caller,
    /// The request is larger than a limit allows.
    TooLarge,
    /// The caller may not do this.
    Denied,
    /// There is no such thing here.
    Missing,
    /// We have no room now.
    Busy,
    /// Something behind us does not answer.
    Down,
    /// Our own mistake, or data that nothing downstream will ever take.
    Bug,
}

/// Why a batch was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    pub fault: Fault,
    /// For the client; says what is wrong and what would be right.
    pub why: String,
    /// When to come back, set for [`Fault::Busy`] and [`Fault::Down`].
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub fn caller(why: impl Into<String>) -> Self {
        Self { fault: Fault::Caller, why: why.into(), retry_after: None }
    }

    pub fn too_large(why: impl Into<String>) -> Self {
        Self { fault: Fault::TooLarge, why: why.into(), retry_after: None }
    }

    pub fn busy(why: impl Into<String>, retry_after: Duration) -> Self {
        Self { fault: Fault::Busy, why: why.into(), retry_after: Some(retry_after) }
    }

    pub fn down(why: impl Into<String>, retry_after: Duration) -> Self {
        Self { fault: Fault::Down, why: why.into(), retry_after: Some(retry_after) }
    }

    pub fn bug(why: impl Into<String>) -> Self {
        Self { fault: Fault::Bug, why: why.into(), retry_after: None }
    }

    /// True where the same bytes may be taken later.
    pub fn retryable(&self) -> bool {
        matches!(self.fault, Fault::Busy | Fault::Down)
    }
}
