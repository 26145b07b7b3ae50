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
    /// What is right, and perhaps help. A null is not wrong: it keeps the default.
    Expected(String, Option<String>),
    Missing(&'static str),
    Message(String),
    /// Something below is already reported.
    Reported,
}

impl Wrong {
    pub(super) fn expected(what: impl Into<String>) -> Self {
        What::Expected(what.into(), None).into()
    }

    pub(super) fn helped(what: impl Into<String>, help: impl Into<String>) -> Self {
        What::Expected(what.into(), Some(help.into())).into()
    }

    pub(super) fn message(message: impl Into<String>) -> Self {
        What::Message(message.into()).into()
    }

    pub(super) fn reported() -> Self {
        What::Reported.into()
    }

    /// Whether this very value is a null where a value must stand.
    pub(super) fn is_null_at(&self, node: &Node) -> bool {
        matches!(&self.0.place, Some((place, None)) if *place == id(node)) && node.is_null()
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
                What::Reported => None,
                What::Expected(..) if node.is_null() => None,
                What::Expected(what, help) => {
                    let finding =
                        Finding::error(node, format!("expected {what}, found {}", node.described()));
                    Some(Finding { help: help.clone(), ..finding })
                }
                What::Missing(field) => {
                    let place = node.get(field).unwrap_or(node);
                    Some(Finding::error(place, format!("`{field}` is required")))
                }
                What::Message(message) => Some(Finding::error(node, message.as_str())),
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

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(plain(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(plain(expected))
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

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Expected(what, _) => write!(f, "expected {what}"),
            What::Missing(field) => write!(f, "`{field}` is required"),
            What::Message(message) => f.write_str(message),
            What::Reported => f.write_str("already reported"),
        }
    }
}

impl std::error::Error for Wrong {}
