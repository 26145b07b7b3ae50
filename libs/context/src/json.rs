//! Context inside JSON text: in a request body, a WebSocket message, a message on a queue.
//!
//! Values are read and written where they stand in the text. What nobody touches stays as it came, byte for byte:
//! order, white space, numbers, duplicate keys. The text is checked as a whole first (RFC 8259); limits: 1 MiB, 64
//! levels, 1024 places.

mod path;
mod literal;
mod scan;
mod place;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use path::Step;
use scan::{Hit, Kind, Want, scan};

pub use path::{Path, PathError};
pub use place::{Edits, Fields, Place};

/// Why JSON text cannot be read or written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonError {
    /// The byte of the text at which it was noticed.
    pub at: usize,
    /// What is wrong there.
    pub problem: JsonProblem,
}

/// What is wrong with JSON text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum JsonProblem {
    /// It is not JSON; this was expected.
    Syntax(&'static str),
    /// More than 1 MiB.
    TooLong,
    /// More than 64 levels.
    TooDeep,
    /// A path matches more than 1024 places.
    TooMany,
    /// The path goes on, but what stands here is not what it needs.
    Mismatch(&'static str),
    /// A reference in a template leads nowhere.
    NotFound(String),
    /// A reference in a template is not a path.
    BadReference(PathError),
}

/// The values at a path, as JSON text; none where the path leads nowhere.
///
/// ```
/// # use throughline_context::json;
/// let message = r#"{"subscriptions": [{"type": "conversation", "id": 7}]}"#;
/// assert_eq!(json::read(message, &"$.subscriptions[].id".parse()?)?, ["7"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read<'a>(text: &'a str, path: &Path) -> Result<Vec<&'a str>, JsonError> {
    let found = scan(text, Want::Steps(path.steps()))?;
    Ok(values(&found.hits).filter_map(|hit| text.get(hit.range.clone())).collect())
}

/// The strings at a path, decoded; what is not a string is left out.
pub fn read_strings<'a>(text: &'a str, path: &Path) -> Result<Vec<Cow<'a, str>>, JsonError> {
    Ok(read(text, path)?.into_iter().filter_map(literal::string).collect())
}

/// Writes a string at every place that a path matches: replaces the value that is there, adds the key to an object
/// that lacks it, and the objects on the way to it. Elements of arrays are never added; an empty array stays empty.
///
/// ```
/// # use throughline_context::json;
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let message = r#"{"subscriptions": [{"type": "conversation"}]}"#;
/// assert_eq!(
///     json::write(message, &"subscriptions[].traceparent".parse()?, parent)?,
///     format!(r#"{{"subscriptions": [{{"type": "conversation","traceparent":"{parent}"}}]}}"#),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(text: &str, path: &Path, value: &str) -> Result<String, JsonError> {
    write_steps(text, path.steps(), value)
}

/// Fills a template: each string in it that is a path from the root, as in `"$.context.traceparent"`, becomes what
/// the source has there, whatever its type; the result has at most 1 MiB. Where the source has several values at the
/// path, the last one counts, as with duplicate keys.
///
/// ```
/// # use throughline_context::json;
/// let template = r#"{"subscriptions": [{"type": "conversation", "traceparent": "$.context.traceparent"}]}"#;
/// let source = r#"{"context": {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}"#;
/// assert_eq!(
///     json::fill(template, source)?,
///     template.replace("$.context.traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
/// );
/// # Ok::<(), json::JsonError>(())
/// ```
pub fn fill(template: &str, source: &str) -> Result<String, JsonError> {
    let found = scan(template, Want::References)?;
    let mut length = template.len();
    splice(template, &found.hits, |hit| {
        let at = hit.range.start;
        let failed = |problem| JsonError { at, problem };
        let reference = template.get(hit.range.clone()).and_then(literal::string).unwrap_or_default();
        let path: Path = reference.parse().map_err(|error| failed(JsonProblem::BadReference(error)))?;
        let value = read(source, &path)?.pop();
        let value = value.ok_or_else(|| failed(JsonProblem::NotFound(reference.into_owned())))?;
        length += value.len();
        if length > scan::MAX_BYTES {
            return Err(failed(JsonProblem::TooLong));
        }
        Ok(String::from(value))
    })
}

fn write_steps(text: &str, steps: &[Step], value: &str) -> Result<String, JsonError> {
    let found = scan(text, Want::Steps(steps))?;
    if let Some(mismatch) = found.mismatch {
        return Err(mismatch);
    }
    splice(text, &found.hits, |hit| {
        let mut out = String::new();
        match hit.kind {
            Kind::Value => literal::quote(value, &mut out),
            Kind::Null { rest } => nested(rest, value, &mut out),
            Kind::Absent { rest, first } => {
                out.push_str(if first { "" } else { "," });
                members(rest, value, &mut out);
            }
        }
        Ok(out)
    })
}

/// Empties what is there already, and adds nothing.
fn empty_steps(text: &str, steps: &[Step]) -> Result<String, JsonError> {
    let mut found = scan(text, Want::Steps(steps))?;
    found.hits.retain(|hit| matches!(hit.kind, Kind::Value));
    splice(text, &found.hits, |_| Ok(String::from("\"\"")))
}

/// The text with every hit replaced; hits stand in the order of the text and do not overlap.
fn splice(
    text: &str,
    hits: &[Hit<'_>],
    mut replacement: impl FnMut(&Hit<'_>) -> Result<String, JsonError>,
) -> Result<String, JsonError> {
    let mut out = String::with_capacity(text.len() + 64 * hits.len());
    let mut done = 0;
    for hit in hits {
        out.push_str(text.get(done..hit.range.start).unwrap_or_default());
        out.push_str(&replacement(hit)?);
        done = hit.range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

/// `{"a":{"b":"value"}}` for the steps `a`, `b`.
fn nested(steps: &[Step], value: &str, out: &mut String) {
    if steps.is_empty() {
        return literal::quote(value, out);
    }
    out.push('{');
    members(steps, value, out);
    out.push('}');
}

/// The same without the outer braces.
fn members(steps: &[Step], value: &str, out: &mut String) {
    if let [Step::Key(name) | Step::Field(name), rest @ ..] = steps {
        literal::quote(name, out);
        out.push(':');
        nested(rest, value, out);
    }
}

fn values<'h, 'p>(hits: &'h [Hit<'p>]) -> impl Iterator<Item = &'h Hit<'p>> {
    hits.iter().filter(|hit| matches!(hit.kind, Kind::Value))
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: ", self.at)?;
        match &self.problem {
            JsonProblem::Syntax(expected) => write!(f, "not JSON: expected {expected}"),
            JsonProblem::TooLong => {
                write!(f, "JSON of more than {} bytes is not looked into", scan::MAX_BYTES)
            }
            JsonProblem::TooDeep => {
                write!(f, "JSON of more than {} levels is not looked into", scan::MAX_DEPTH)
            }
            JsonProblem::TooMany => write!(f, "the path matches more than {} places", scan::MAX_HITS),
            JsonProblem::Mismatch(needed) => {
                write!(f, "the path needs {needed} here; correct the path or the text")
            }
            JsonProblem::NotFound(path) => {
                write!(f, "the source has nothing at {path}; correct the path or send the value along")
            }
            JsonProblem::BadReference(error) => {
                write!(f, "this string begins with $ and is no path: {error}")
            }
        }
    }
}

impl core::error::Error for JsonError {}
