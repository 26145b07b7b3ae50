//! What is wrong with a `tls` section, tied to its keys.

use std::fmt;

use flow::config::{Finding, Node};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    key: &'static str,
    what: String,
    mend: &'static str,
}

impl Problem {
    pub(super) fn new(key: &'static str, what: impl Into<String>, mend: &'static str) -> Self {
        Self { key, what: what.into(), mend }
    }
}

/// Everything wrong with a `tls` section.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct TlsError(Vec<Problem>);

impl TlsError {
    /// One finding for each problem, at its key where the section has it.
    pub(super) fn findings(&self, section: &Node) -> impl Iterator<Item = Finding> {
        self.0.iter().map(|problem| {
            Finding::error(section.get(problem.key).unwrap_or(section), problem.what.as_str())
                .help(problem.mend)
        })
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, problem) in self.0.iter().enumerate() {
            let separator = if nth == 0 { "" } else { "; " };
            write!(f, "{separator}tls::{}: {} ({})", problem.key, problem.what, problem.mend)?;
        }
        Ok(())
    }
}

impl From<Problem> for TlsError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Collects problems, so that all of them are found at once.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// The value, or nothing with the problem noted.
    pub(super) fn note<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// What was made, if nothing is wrong; whoever makes nothing has noted why.
    pub(super) fn finish<T>(self, made: Option<T>) -> Result<T, TlsError> {
        made.filter(|_| self.0.is_empty()).ok_or(TlsError(self.0))
    }
}
