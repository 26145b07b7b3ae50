//! Puts in what `${...}` refers to.

mod pieces;

use std::sync::Arc;

use flow::config::{Finding, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, Value};

use self::pieces::{Piece, pieces};
use super::sources::{World, scheme};

/// References followed for one value.
const MAX_STEPS: usize = 1000;

pub(super) struct Expansion<'a> {
    world: World<'a>,
    pub(super) findings: Vec<Finding>,
    nodes: usize,
    steps: usize,
}

/// A text that a reference stands for.
struct Found {
    text: String,
    /// What findings inside of it call their place.
    source: String,
    /// The default of `${env:X:-}`.
    empty_default: bool,
}

/// Why a reference stands for nothing, and what to do.
struct Failure(String, Option<String>);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into(), None)
    }

    fn helped(message: impl Into<String>, help: &str) -> Self {
        Self(message.into(), Some(help.to_owned()))
    }
}

impl<'a> Expansion<'a> {
    pub(super) fn new(world: World<'a>) -> Self {
        Self { world, findings: Vec::new(), nodes: 0, steps: 0 }
    }

    /// The whole configuration; a value that cannot be expanded becomes null, with a finding.
    pub(super) fn whole(&mut self, mut root: Node) -> Node {
        root.set_path(String::new());
        self.node(root, 0, false)
    }

    fn node(&mut self, mut node: Node, depth: usize, inside: bool) -> Node {
        self.nodes += 1;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            if self.nodes == MAX_NODES + 1 || depth > MAX_DEPTH {
                let message = format!("more than {MAX_NODES} values or {MAX_DEPTH} blocks inside blocks");
                self.findings.push(Finding::error(&node, message));
            }
            return Node { value: Value::Null, ..node };
        }
        match std::mem::replace(&mut node.value, Value::Null) {
            Value::List(items) => {
                let items = items.into_iter().map(|item| self.node(item, depth + 1, inside));
                node.value = Value::List(items.collect());
            }
            Value::Map(entries) => {
                let entries =
                    entries.into_iter().map(|(key, value)| (key, self.node(value, depth + 1, inside)));
                node.value = Value::Map(entries.collect());
            }
            Value::String(text) if text.contains('$') => {
                if !inside {
                    self.steps = 0;
                }
                return match self.text(&node, &text, depth) {
                    Ok(value) => value,
                    Err(Failure(message, help)) => {
                        self.findings.push(Finding { help, ..Finding::error(&node, message) });
                        node
                    }
                };
            }
            value => node.value = value,
        }
        node
    }

    /// The value that a text with references stands for, at the place of `node`.
    fn text(&mut self, node: &Node, text: &str, depth: usize) -> Result<Node, Failure> {
        let place = Node { path: node.path.clone(), ..Node::new(node.mark.clone(), Value::Null) };
        let pieces = pieces(text);
        let value = match pieces.as_slice() {
            [Piece::Reference(content)] => {
                let found = self.found(node, content, depth)?;
                self.typed(place, &found, depth)?
            }
            _ => Node { value: Value::String(self.inline(node, text, depth)?), ..place },
        };
        let refers = pieces.iter().any(|piece| matches!(piece, Piece::Reference(_)));
        Ok(Node { written: refers.then(|| Arc::from(text)), ..value })
    }

    /// The found text as YAML where it is YAML, and the text itself for text fields.
    fn typed(&mut self, place: Node, found: &Found, depth: usize) -> Result<Node, Failure> {
        if matches!(pieces(&found.text).as_slice(), [Piece::Reference(_)]) {
            return self.text(&place, &found.text, depth + 1);
        }
        match Node::load(&found.source, &found.text).map(|node| node.value) {
            Err(_) | Ok(Value::String(_)) => {
                Ok(Node { value: Value::String(self.inline(&place, &found.text, depth + 1)?), ..place })
            }
            Ok(Value::Null) => Ok(Node { raw: found.empty_default.then(|| Arc::from("")), ..place }),
            Ok(value) => {
                let mut node = Node::new(place.mark, value);
                node.set_path(place.path);
                // What is wrong inside is found, with its place, when the value is expanded.
                let known = self.findings.len();
                let raw = self.inline(&node, &found.text, depth + 1).ok().map(Arc::from);
                self.findings.truncate(known);
                Ok(Node { raw, ..self.node(node, depth + 1, true) })
            }
        }
    }

    /// A text with all references in it replaced by texts.
    fn inline(&mut self, node: &Node, text: &str, depth: usize) -> Result<String, Failure> {
        let mut whole = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Reference(content) => {
                    let found = self.found(node, content, depth)?;
                    whole.push_str(&self.inline(node, &found.text, depth + 1)?);
                }
            }
            if whole.len() > MAX_BYTES {
                return Err(Failure::new(format!(
                    "longer than {MAX_BYTES} bytes with its references put in"
                )));
            }
        }
        Ok(whole)
    }

    fn found(&mut self, node: &Node, content: &str, depth: usize) -> Result<Found, Failure> {
        self.steps += 1;
        if self.steps > MAX_STEPS || depth > MAX_DEPTH {
            let message = format!("more than {MAX_STEPS} references, or {MAX_DEPTH} inside one another");
            return Err(Failure::helped(message, "does one refer to itself?"));
        }
        let content = &self.inline(node, content, depth + 1)?;
        let plain = |text: &str, source: &str| Found {
            text: text.to_owned(),
            source: source.to_owned(),
            empty_default: false,
        };
        match scheme(content) {
            Some(("env", variable)) => self.variable(node, variable),
            Some(("yaml", text)) => Ok(plain(text, "yaml")),
            Some(("file", path)) => match (self.world.file)(path) {
                // The line end that an editor puts behind a secret is no part of it.
                Ok(text) => {
                    Ok(plain(text.strip_suffix('\n').map_or(&*text, |t| t.trim_end_matches('\r')), path))
                }
                Err(why) => Err(Failure::new(format!("cannot read `{path}`: {why}"))),
            },
            Some((_, rest)) if rest.starts_with('-') => self.variable(node, content),
            Some(("http" | "https", _)) => Err(Failure::helped(
                "a configuration is not fetched over HTTP",
                "fetch it first, and refer to it by ${file:...}",
            )),
            Some((other, _)) => Err(Failure::helped(
                format!("`{other}:` is not a kind of reference"),
                "the kinds are env:, file: and yaml:; write `$$` for a dollar",
            )),
            None => self.variable(node, content),
        }
    }

    /// `NAME` or `NAME:-default`.
    fn variable(&mut self, node: &Node, variable: &str) -> Result<Found, Failure> {
        let (name, default) = match variable.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (variable, None),
        };
        let valid = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            let message = format!("`{name}` is not a name of an environment variable");
            return Err(Failure::helped(message, "letters, digits and _; write `$$` for a dollar"));
        }
        let set = (self.world.env)(name);
        if set.is_none() && default.is_none() {
            let advice = Finding::advice(node, format!("the environment variable `{name}` is not set"));
            let advice = advice.help(format!("set it, or give a default: `${{env:{name}:-...}}`"));
            if self.findings.last() != Some(&advice) {
                self.findings.push(advice);
            }
        }
        let empty_default = set.is_none() && default == Some("");
        let text = set.or_else(|| default.map(str::to_owned)).unwrap_or_default();
        Ok(Found { text, source: format!("env:{name}"), empty_default })
    }
}

#[cfg(test)]
mod tests;
