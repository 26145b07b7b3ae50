//! An error on its way through serde.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use super::context::{Id, id};
use crate::config::finding::Finding;
use crate::config::node::Node;

#[derive(Debug)]
pub(super) struct Wrong(Box<Inner>);

#[derive(Debug)]
struct Inner {
    what: What,
    /// The innermost value that it is about, with the finding where one is due.
    place: Option<(Id, Option<Finding>)>,
}

#[derive(Debug)]
enum What {
    /// A key without a value: keep the default, say nothing.
    Null,
    Missing(&'static str),
    /// Something below is already reported.
    Reported,
    Message(String, Option<String>),
}

impl Wrong {
    pub(super) fn null() -> Self {
        What::Null.into()
    }

    pub(super) fn reported() -> Self {
        What::Reported.into()
    }

    pub(super) fn message(message: String) -> Self {
        What::Message(message, None).into()
    }

    pub(super) fn helped(message: String, help: String) -> Self {
        What::Message(message, Some(help)).into()
    }

    /// Whether this very value is a null where a value must stand.
    pub(super) fn is_null_at(&self, node: &Node) -> bool {
        matches!((&self.0.what, &self.0.place), (What::Null, Some((place, _))) if *place == id(node))
    }

    /// The missing field, while no place is known.
    pub(super) fn missing(&self) -> Option<&'static str> {
        match (&self.0.what, &self.0.place) {
            (What::Missing(field), None) => Some(field),
            _ => None,
        }
    }

    /// Ties the error to this value, unless it is tied to an inner one.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if self.0.place.is_none() {
            let finding = match &self.0.what {
                What::Null | What::Reported => None,
                What::Missing(field) => Some(Finding::error(node, format!("`{field}` is required"))),
                What::Message(message, help) => {
                    let finding = Finding::error(node, message.as_str());
                    Some(match help {
                        Some(help) => finding.help(help.as_str()),
                        None => finding,
                    })
                }
            };
            self.0.place = Some((id(node), finding));
        }
        self
    }

    pub(super) fn located(self, root: &Node) -> (Id, Option<Finding>) {
        self.at(root).0.place.unwrap_or_else(|| (id(root), None))
    }
}

impl From<What> for Wrong {
    fn from(what: What) -> Self {
        Self(Box::new(Inner { what, place: None }))
    }
}

impl Error for Wrong {
    fn custom<T: Display>(message: T) -> Self {
        Self::message(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        What::Missing(field).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::message(format!("expected {}, found {}", plain(expected), described(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

/// Serde's words for what is expected, without Rust's.
fn plain(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match words.split_whitespace().next() {
        Some("struct" | "map") => "a block of keys".into(),
        Some("sequence") => "a list".into(),
        Some("string") => "text".into(),
        _ => words,
    }
}

fn described(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(text) => format!("the text `{}`", crate::config::node::shortened(text)),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a block of keys".into(),
        other => other.to_string(),
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Null => f.write_str("no value"),
            What::Missing(field) => write!(f, "`{field}` is required"),
            What::Reported => f.write_str("already reported"),
            What::Message(message, _) => f.write_str(message),
        }
    }
}

impl std::error::Error for Wrong {}
