//! YAML that remembers where it stood.

use std::fmt;
use std::sync::Arc;

/// A place in a configuration source; line and column count from 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Mark {
    /// A file path, or what else the text came from (`env:CONFIG`, `--set`).
    pub source: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// A YAML value with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub mark: Mark,
    /// Where in the document: `processors::batch::timeout`.
    pub path: String,
    pub value: Value,
    /// The text that this was read from, where `value` is not that text: `0x10` is 16, but a text field receives
    /// `0x10`. Blocks and lists have it where they came from a variable. Null with an empty text stands for an empty
    /// default (`${env:X:-}`): nothing, but for text fields the empty text.
    pub raw: Option<Arc<str>>,
    /// What stands in the file, where `${...}` in it gave this value. The value may be a secret then.
    pub written: Option<Arc<str>>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    /// In source order; the key has a place of its own.
    Map(Vec<(Key, Node)>),
}

/// A key of a YAML map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub name: String,
    pub mark: Mark,
}

impl Node {
    pub fn new(mark: Mark, value: Value) -> Self {
        Self { mark, path: String::new(), value, raw: None, written: None }
    }

    /// The value under a key, where this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The value at the end of several keys: `["protocols", "grpc", "endpoint"]`.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, name| node.get(name))
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// What a text field receives: the text of a scalar as it was written.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null => self.raw.as_deref().filter(|raw| raw.is_empty()),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                self.raw.as_deref()
            }
        }
    }

    /// Whether this sets the same as another node does, wherever each of them stands.
    pub fn sets_the_same(&self, other: &Self) -> bool {
        let value = match (&self.value, &other.value) {
            (Value::Map(own), Value::Map(others)) => {
                let same = |((a, own), (b, other)): (&(Key, Self), &(Key, Self))| {
                    a.name == b.name && own.sets_the_same(other)
                };
                own.len() == others.len() && own.iter().zip(others).all(same)
            }
            (Value::List(own), Value::List(others)) => {
                own.len() == others.len() && own.iter().zip(others).all(|(a, b)| a.sets_the_same(b))
            }
            (own, other) => own == other,
        };
        value && self.raw == other.raw
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Sets the path of this node and of everything below it.
    pub fn set_path(&mut self, path: String) {
        match &mut self.value {
            Value::Map(entries) => {
                for (key, node) in entries {
                    node.set_path(join(&path, &key.name));
                }
            }
            Value::List(items) => {
                for (index, node) in items.iter_mut().enumerate() {
                    node.set_path(join(&path, &index.to_string()));
                }
            }
            _ => {}
        }
        self.path = path;
    }

    /// What this is, for a message that ends in "found"; tells nothing of what came from a variable.
    pub fn described(&self) -> String {
        let kind = match &self.value {
            Value::Null => return "nothing".into(),
            Value::List(_) => "a list",
            Value::Map(_) => "a block of keys",
            Value::Bool(_) => "the boolean",
            Value::Int(_) | Value::Float(_) => "the number",
            Value::String(_) => "the text",
        };
        match (&self.written, &self.value) {
            (Some(written), _) => format!("{kind} from `{}`", shortened(written)),
            (None, Value::List(_) | Value::Map(_)) => kind.into(),
            (None, _) => format!("{kind} `{}`", shortened(self.text().unwrap_or_default())),
        }
    }
}

/// A path one step further down.
pub(super) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}::{step}") }
}

/// Enough of a text to recognise it in a message.
pub(super) fn shortened(text: &str) -> String {
    const KEPT: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(KEPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
