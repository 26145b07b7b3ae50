//! Paths: a small part of JSONPath (RFC 9535) that always ends and never searches.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// Where a value stands in JSON, as in `$.context.traceparent`, `subscriptions[].traceparent`,
/// `participants[0].attributes` or `attributes['interaction.id']`.
///
/// A path is names, separated by dots; `[]` or `[*]` is every element of an array, `[0]` its first, `['a.b']` or
/// `["a.b"]` a name with odd characters. The `$` in front may be left out; `$` alone is the whole text. At most 16
/// steps and 1024 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// The member of this name.
    Key(String),
    /// The member of this name, whatever its case.
    Field(String),
    /// Every member.
    AnyKey,
    /// Every element.
    Each,
    /// The element at this place.
    Index(usize),
}

/// Why text is not a [`Path`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathError {
    /// The byte of the path at which it was noticed.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

const MAX_STEPS: usize = 16;
const MAX_BYTES: usize = 1024;

impl Path {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Self {
        Self { steps }
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let error = |rest: &str, expected| PathError { at: text.len() - rest.len(), expected };
        if text.len() > MAX_BYTES {
            return Err(PathError { at: MAX_BYTES, expected: "the end: a path has at most 1024 bytes" });
        }
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        // A first name needs no dot where there is no `$`.
        let mut is_bare = rest.len() == text.len() && !rest.starts_with('[');
        while !rest.is_empty() {
            if steps.len() == MAX_STEPS {
                return Err(error(rest, "the end: a path has at most 16 steps"));
            }
            let (step, after) = match rest.strip_prefix('[') {
                Some(inner) => bracket(inner).map_err(|expected| error(rest, expected))?,
                None => {
                    let named = if is_bare { Some(rest) } else { rest.strip_prefix('.') };
                    let named = named.ok_or_else(|| error(rest, "`.name`, `[]`, `[0]` or `['name']`"))?;
                    name(named).map_err(|expected| error(named, expected))?
                }
            };
            is_bare = false;
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }
}

fn name(text: &str) -> Result<(Step, &str), &'static str> {
    let is_odd =
        |c: char| matches!(c, '.' | '[' | ']' | '\'' | '"' | '*' | '?' | '(' | ')') || c.is_whitespace();
    let end = text.find(is_odd).unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((name, rest)) if !name.is_empty() => Ok((Step::Key(name.to_owned()), rest)),
        _ => Err("a name; one with odd characters is written ['name']"),
    }
}

/// What stands behind `[`.
fn bracket(text: &str) -> Result<(Step, &str), &'static str> {
    const EXPECTED: &str = "`[]`, `[0]` or `['name']`; slices and filters are not supported";
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (name, rest) =
            text.strip_prefix(quote).and_then(|text| text.split_once(quote)).ok_or(EXPECTED)?;
        return Ok((Step::Key(name.to_owned()), rest.strip_prefix(']').ok_or(EXPECTED)?));
    }
    let (inside, rest) = text.split_once(']').ok_or(EXPECTED)?;
    let step = match inside {
        "" | "*" => Step::Each,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Step::Index(digits.parse().map_err(|_| "a smaller index")?)
        }
        _ => return Err(EXPECTED),
    };
    Ok((step, rest))
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} of the path: expected {}", self.at, self.expected)
    }
}

impl core::error::Error for PathError {}
