//! A list of actions, as it runs over one list of attributes after the other.

use flow::Client;
use flow::otlp::attributes::{Attributes, Keys, Place, encode_value};
use flow::otlp::view::Value;
use regex::{CaptureLocations, Regex};

use super::value::{self, Target};

/// Checked actions in the order in which they run; each sees what the ones before it did.
#[derive(Default)]
pub(in crate::processors) struct Actions {
    list: Vec<Action>,
    wanted: Keys,
}

pub(super) enum Action {
    /// `insert`, `update` and `upsert`.
    Put {
        key: String,
        when: When,
        from: From,
        /// Encoded; for where `from` has nothing.
        default: Option<Vec<u8>>,
    },
    Delete(Targets),
    Hash(Targets),
    Extract {
        key: String,
        pattern: Regex,
        /// One for each group of the pattern.
        names: Vec<String>,
    },
    Convert {
        key: String,
        to: Target,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Absent,
    Present,
    Always,
}

/// Where a value comes from.
pub(super) enum From {
    /// Nowhere but the default.
    Nothing,
    /// Encoded.
    Value(Vec<u8>),
    Attribute(String),
    ClientAddress,
    Header(String),
    /// What an authenticator said, by name.
    Authenticator(String),
}

/// One key, then all keys that fit a pattern.
pub(super) struct Targets {
    pub(super) key: Option<String>,
    pub(super) pattern: Option<Regex>,
}

impl Actions {
    pub(super) fn new(list: Vec<Action>) -> Self {
        let keys: Option<Vec<_>> = list.iter().map(Action::keys).collect();
        let wanted = keys.map_or_else(Keys::all, |keys| Keys::of(keys.into_iter().flatten()));
        Self { list, wanted }
    }

    /// The attributes that can matter; the others need not be read.
    pub(in crate::processors) fn wanted(&self) -> &Keys {
        &self.wanted
    }

    /// Prepares the actions for a batch of this client, to be applied to these attributes.
    pub(in crate::processors) fn run<'a>(&'a self, attributes: &mut Attributes, client: &Client) -> Run<'a> {
        Run { steps: self.list.iter().map(|action| action.step(attributes, client)).collect() }
    }
}

impl Action {
    /// The keys that it can have to do with, where they are a list.
    fn keys(&self) -> Option<Vec<&str>> {
        Some(match self {
            Self::Put { key, from, .. } => std::iter::once(key.as_str()).chain(from.attribute()).collect(),
            Self::Delete(keys) | Self::Hash(keys) if keys.pattern.is_some() => return None,
            Self::Delete(keys) | Self::Hash(keys) => keys.key.as_deref().into_iter().collect(),
            Self::Extract { key, names, .. } => names.iter().chain([key]).map(String::as_str).collect(),
            Self::Convert { key, .. } => vec![key],
        })
    }

    fn step(&self, attributes: &mut Attributes, client: &Client) -> Step<'_> {
        match self {
            Self::Put { key, when, from, default } => {
                let value = from.value(client).or_else(|| default.clone());
                Step::Put {
                    key,
                    when: *when,
                    from: from.attribute(),
                    value: value.map(|value| attributes.keep(&value)),
                }
            }
            Self::Delete(keys) => Step::Delete(keys),
            Self::Hash(keys) => Step::Hash(keys),
            Self::Extract { key, pattern, names } => {
                Step::Extract { key, pattern, names, found: pattern.capture_locations() }
            }
            Self::Convert { key, to } => Step::Convert { key, to: *to },
        }
    }
}

impl From {
    /// The encoded value, where it is the same for the whole batch.
    fn value(&self, client: &Client) -> Option<Vec<u8>> {
        let text = match self {
            Self::Value(value) => return Some(value.clone()),
            Self::Nothing | Self::Attribute(_) => return None,
            Self::ClientAddress => client.address?.ip().to_string(),
            Self::Header(name) => {
                let values: Vec<&str> = client.header(name).collect();
                if values.is_empty() {
                    return None;
                }
                values.join(";")
            }
            Self::Authenticator(name) => {
                let said = client.auth.iter().find(|(known, _)| known == name);
                said.map(|(_, value)| value.clone())?
            }
        };
        let mut value = Vec::new();
        encode_value(&Value::String(&text), &mut value);
        Some(value)
    }

    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Attribute(key) => Some(key),
            _ => None,
        }
    }
}

/// The actions, ready for one batch.
pub(in crate::processors) struct Run<'a> {
    steps: Vec<Step<'a>>,
}

enum Step<'a> {
    Put { key: &'a str, when: When, from: Option<&'a str>, value: Option<Place> },
    Delete(&'a Targets),
    Hash(&'a Targets),
    Extract { key: &'a str, pattern: &'a Regex, names: &'a [String], found: CaptureLocations },
    Convert { key: &'a str, to: Target },
}

impl Run<'_> {
    #[inline]
    pub(in crate::processors) fn apply(&mut self, attributes: &mut Attributes, source: &[u8]) {
        for step in &mut self.steps {
            match step {
                Step::Put { key, when, from, value } => {
                    let copied = from.and_then(|from| attributes.find(source, from));
                    if let Some(value) = copied.or(*value) {
                        put(attributes, source, key, *when, value);
                    }
                }
                Step::Delete(keys) => {
                    if let Some(key) = &keys.key {
                        attributes.remove(source, key);
                    }
                    if let Some(pattern) = &keys.pattern {
                        attributes.remove_where(source, |key| pattern.is_match(key));
                    }
                }
                Step::Hash(keys) => {
                    if let Some(wanted) = &keys.key {
                        attributes.rewrite(source, |key| key == wanted, value::hash);
                    }
                    if let Some(pattern) = &keys.pattern {
                        attributes.rewrite(source, |key| pattern.is_match(key), value::hash);
                    }
                }
                Step::Extract { key, pattern, names, found } => {
                    extract(attributes, source, key, pattern, names, found);
                }
                Step::Convert { key, to } => {
                    attributes.rewrite(source, |found| found == *key, |value, out| to.convert(value, out));
                }
            }
        }
    }
}

#[inline]
fn put(attributes: &mut Attributes, source: &[u8], key: &str, when: When, value: Place) {
    match when {
        When::Always => attributes.set(source, key, value),
        When::Present => drop(attributes.replace(source, key, value)),
        When::Absent if attributes.contains(source, key) => {}
        When::Absent => attributes.add(key, value),
    }
}

fn extract(
    attributes: &mut Attributes,
    source: &[u8],
    key: &str,
    pattern: &Regex,
    names: &[String],
    found: &mut CaptureLocations,
) {
    let Some(from) = attributes.find(source, key) else { return };
    let text = attributes.value(source, from).as_str();
    if text.and_then(|text| pattern.captures_read(found, text)).is_none() {
        return;
    }
    for (group, name) in (1..).zip(names) {
        // A group that took no part in the match gives the empty text.
        let group = found.get(group);
        let part = attributes.derive(source, from, |value, out| {
            let part = value.as_str().zip(group).and_then(|(text, (start, end))| text.get(start..end));
            encode_value(&Value::String(part.unwrap_or_default()), out);
            true
        });
        if let Some(part) = part {
            attributes.set(source, name, part);
        }
    }
}
