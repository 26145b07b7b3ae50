//! From a [`Node`] to a settings struct, with every error at once.
//!
//! Serde stops at the first error. So the failing value is noted, left out, and the whole is read again, until
//! nothing fails: each round finds one more error, and the last round gives the settings, if there can be any.

mod error;
mod context;
mod scalar;
mod section;
mod value;

use serde::de::DeserializeOwned;

use super::finding::{Finding, Severity};
use super::node::Node;
use context::Context;
use error::Wrong;
use value::Reader;

/// Each costs a reading of the section; far above what a person writes.
const MAX_ROUNDS: usize = 1000;

impl Node {
    /// The settings in this section, and everything wrong with it (with advice, as on bare-number durations).
    /// The settings are there if and only if there is no error.
    ///
    /// - A key without a value (`timeout:`) keeps the component's default, so a settings struct has a serde
    ///   default for every field that is not required; [`Section`](super::Section) is for blocks that the key
    ///   alone switches on. The section itself may be null too.
    /// - An unknown key is an error at the key, with the name that was probably meant.
    /// - A text field takes any scalar, as it was written. A number field takes a quoted number, a list of texts
    ///   takes `a,b`.
    /// - A tuple of structs reads one block of keys into all of them, each key known to at least one of them: for
    ///   groups of settings that several components share. (`#[serde(flatten)]` would lose places, and unknown
    ///   keys would pass: do not use it.)
    /// - Enums have variants without data.
    pub fn check<T: DeserializeOwned>(&self) -> (Option<T>, Vec<Finding>) {
        let mut context = Context::default();
        for _ in 0..MAX_ROUNDS {
            context.begin();
            match T::deserialize(Reader::root(self, &mut context)) {
                Ok(settings) => {
                    let clean = context.findings.is_empty();
                    return (clean.then_some(settings), context.into_findings());
                }
                Err(wrong) => {
                    if !note(&mut context, self, wrong) {
                        return (None, context.into_findings());
                    }
                }
            }
        }
        context.findings.push(Finding::error(self, format!("more than {MAX_ROUNDS} errors and empty keys")));
        (None, context.into_findings())
    }

    /// The settings in this section, or every error in it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Vec<Finding>> {
        let (settings, mut findings) = self.check();
        settings.ok_or_else(|| {
            findings.retain(|finding| finding.severity == Severity::Error);
            findings
        })
    }
}

/// Notes the error and leaves its value out; false where nothing is left to read.
fn note(context: &mut Context, root: &Node, wrong: Wrong) -> bool {
    let (at, finding) = wrong.located(root);
    let news = context.leave_out(at);
    context.findings.extend(finding);
    news && at != context::id(root)
}

#[cfg(test)]
mod tests;
