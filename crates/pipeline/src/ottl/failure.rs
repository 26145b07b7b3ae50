//! Why a condition or a statement could not be evaluated on one span.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// What becomes of failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorMode {
    /// Logged, and the next condition or statement goes on.
    #[default]
    Ignore,
    /// As `ignore`, without a word.
    Silent,
    /// The whole batch is refused.
    Propagate,
}

/// What does not fit, said of this one value; the statement and its component stand beside it in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure(Cow<'static, str>);

impl Failure {
    pub(super) fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
