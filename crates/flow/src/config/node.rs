//! YAML that remembers where it stood.

use std::sync::Arc;

/// A place in a configuration source; line and column count from 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Mark {
    /// A file path, or what else the text came from (`env:CONFIG`, `--set`).
    pub source: Arc<str>,
    pub line: u32,
    pub column: u32,
}

/// A YAML value with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub mark: Mark,
    /// Where in the document: `processors::batch::timeout`.
    pub path: String,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// `raw` text: a string field takes any scalar's text as it was written.
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
    /// The value under a key, where this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}
