//! A place in JSON as a carrier: the objects at a path, with a field for each name.

use alloc::string::String;
use alloc::vec::Vec;

use super::literal::string;
use super::path::{Path, Step};
use super::scan::{Want, scan};
use super::{JsonError, empty_steps, read, values, write_steps};
use crate::carrier::Setter;
use crate::w3c::{self, Context};

/// The names of an object with those of its values that are strings, in the order of the text.
pub type Fields = Vec<(String, String)>;

/// The objects in JSON that carry context, one field for each header: `traceparent`, `tracestate` and so on.
///
/// ```
/// use throughline_context::json::Place;
/// use throughline_context::w3c::{self, Context, Extraction};
///
/// let place = Place::new("context".parse()?);
/// let context = Context::new("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01".parse()?);
/// let message = place.inject(r#"{"event": 1.0}"#, &context)?;
/// assert_eq!(
///     message,
///     r#"{"event": 1.0,"context":{"traceparent":"00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01"}}"#,
/// );
/// let fields = place.read(&message)?;
/// assert!(matches!(w3c::extract(&fields[0]), Extraction::Valid { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    base: Path,
}

/// What to write into the objects at a place; every propagator can write into it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edits {
    /// A name without a value is emptied where it exists.
    fields: Vec<(String, Option<String>)>,
}

impl Place {
    /// The objects at this path.
    pub fn new(base: Path) -> Self {
        Self { base }
    }

    /// The objects below these keys; an empty name stands for every element of an array.
    pub(crate) fn of(names: &[&str]) -> Self {
        let step = |name: &&str| match *name {
            "" => Step::Each,
            name => Step::Key(name.into()),
        };
        Self { base: names.iter().map(step).collect::<Vec<_>>().into() }
    }

    /// The fields of each object at the place, ready to extract from; none where there is no such object.
    pub fn read(&self, text: &str) -> Result<Vec<Fields>, JsonError> {
        let objects = read(text, &self.base)?;
        objects.into_iter().filter(|object| object.starts_with('{')).map(fields).collect()
    }

    /// Writes into each object at the place, and makes the object where it is missing.
    pub fn write(&self, text: &str, edits: &Edits) -> Result<String, JsonError> {
        let mut text = String::from(text);
        for (name, value) in &edits.fields {
            let mut steps = self.base.steps().to_vec();
            steps.push(Step::Field(name.clone()));
            text = match value {
                Some(value) => write_steps(&text, &steps, value)?,
                None => empty_steps(&text, &steps)?,
            };
        }
        Ok(text)
    }

    /// Writes `traceparent` and `tracestate` into each object at the place.
    pub fn inject(&self, text: &str, context: &Context) -> Result<String, JsonError> {
        let mut edits = Edits::default();
        w3c::inject(context, &mut edits);
        self.write(text, &edits)
    }
}

impl Setter for Edits {
    fn set(&mut self, name: &str, value: &str) {
        self.fields.push((name.into(), Some(value.into())));
    }

    fn unset(&mut self, name: &str) {
        self.fields.push((name.into(), None));
    }
}

fn fields(object: &str) -> Result<Fields, JsonError> {
    let found = scan(object, Want::Steps(&[Step::AnyKey]))?;
    let part = |range| object.get(range).and_then(string).map(String::from);
    let hits = values(&found.hits);
    Ok(hits.filter_map(|hit| Some((part(hit.name.clone()?)?, part(hit.range.clone())?))).collect())
}
