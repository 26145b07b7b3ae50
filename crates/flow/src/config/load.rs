//! From YAML text to a [`Node`], within limits.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::finding::Finding;
use super::node::{Key, Mark, Node, Value};
use super::scalar;

/// Bytes of one source.
pub const MAX_BYTES: usize = 4 << 20;
/// Blocks inside blocks.
pub const MAX_DEPTH: usize = 64;
/// Values of one source, counted after aliases are put in.
pub const MAX_NODES: usize = 200_000;

impl Node {
    /// Reads one YAML document. `source` is what findings call it; an empty text is null.
    pub fn load(source: &str, text: &str) -> Result<Self, Vec<Finding>> {
        Loader::new(source, text).document()
    }
}

struct Loader<'a> {
    source: Arc<str>,
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    /// Errors that need not end the reading.
    findings: Vec<Finding>,
}

struct Anchor {
    node: Node,
    nodes: usize,
    height: usize,
}

type Loaded<T> = Result<T, Box<Finding>>;

impl<'a> Loader<'a> {
    fn new(source: &str, text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            source: Arc::from(source),
            text,
            events: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
            findings: Vec::new(),
        }
    }

    fn document(mut self) -> Result<Node, Vec<Finding>> {
        match self.whole() {
            Ok(mut node) if self.findings.is_empty() => {
                node.set_path(String::new());
                Ok(node)
            }
            Ok(_) => Err(self.findings),
            Err(fatal) => {
                self.findings.push(*fatal);
                Err(self.findings)
            }
        }
    }

    fn whole(&mut self) -> Loaded<Node> {
        if self.text.len() > MAX_BYTES {
            let message = format!("{} bytes of configuration; the limit is {MAX_BYTES}", self.text.len());
            return Err(self.error(self.start(), message).into());
        }
        let mut document = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => break,
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (event, span) => {
                    let node = self.node(event, span, 0)?.0;
                    match &document {
                        None => document = Some(node),
                        Some(_) if node.is_null() => {}
                        Some(_) => {
                            let finding = self.error(node.mark, "a second document starts here");
                            return Err(finding.help("put it into a file of its own").into());
                        }
                    }
                }
            }
        }
        Ok(document.unwrap_or_else(|| Node::new(self.start(), Value::Null)))
    }

    /// A value and its height.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Loaded<(Node, usize)> {
        let mark = self.mark(&span.start);
        self.count(1, depth, &mark)?;
        let before = self.nodes;
        let (anchor, value, raw, height) = match event {
            Event::Alias(anchor) => return self.alias(anchor, depth, mark),
            Event::Scalar(text, style, anchor, tag) => {
                let (value, raw) = self.scalar(&text, style, tag.as_deref(), &mark)?;
                (anchor, value, raw, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "seq", &mark)?;
                let (items, height) = self.list(depth)?;
                (anchor, Value::List(items), None, height + 1)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "map", &mark)?;
                let (entries, height) = self.map(depth)?;
                (anchor, Value::Map(entries), None, height + 1)
            }
            _ => return Err(self.error(mark, "a value is missing here").into()),
        };
        let node = Node { raw, ..Node::new(mark, value) };
        if anchor != 0 {
            let nodes = 1 + self.nodes - before;
            self.anchors.insert(anchor, Anchor { node: node.clone(), nodes, height });
        }
        Ok((node, height))
    }

    fn alias(&mut self, anchor: usize, depth: usize, mark: Mark) -> Loaded<(Node, usize)> {
        let Some(Anchor { node, nodes, height }) = self.anchors.get(&anchor) else {
            return Err(self.error(mark, "this alias stands inside of what it refers to").into());
        };
        let (node, nodes, height) = (node.clone(), *nodes, *height);
        self.count(nodes, depth + height, &mark)?;
        Ok((node, height))
    }

    fn list(&mut self, depth: usize) -> Loaded<(Vec<Node>, usize)> {
        let (mut items, mut height) = (Vec::new(), 0);
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok((items, height)),
                (event, span) => {
                    let (item, below) = self.node(event, span, depth + 1)?;
                    height = height.max(below);
                    items.push(item);
                }
            }
        }
    }

    fn map(&mut self, depth: usize) -> Loaded<(Vec<(Key, Node)>, usize)> {
        let (mut entries, mut merged, mut height) = (Vec::new(), Vec::new(), 0);
        let mut places = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                merge_into(&mut entries, merged, &mut places);
                return Ok((entries, height));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let (mut node, below) = self.node(event, span, depth + 1)?;
            height = height.max(below);
            if is_merge {
                merged.extend(self.merged(node)?);
                continue;
            }
            if node.is_null() && node.raw.is_none() {
                node.mark = key.mark.clone();
            }
            match places.insert(key.name.clone(), key.mark.clone()) {
                Some(first) => self.duplicate(&key, &first),
                None => entries.push((key, node)),
            }
        }
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Loaded<Key> {
        let (node, _) = self.node(event, span, depth + 1)?;
        match (&node.value, &node.raw) {
            (Value::String(name), _) => Ok(Key { name: name.clone(), mark: node.mark }),
            (Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_), Some(raw)) => {
                Ok(Key { name: raw.to_string(), mark: node.mark })
            }
            _ => Err(self.error(node.mark, "a key must be plain text").into()),
        }
    }

    fn duplicate(&mut self, key: &Key, first: &Mark) {
        let message = format!("`{}` stands here a second time; the first is at {first}", key.name);
        let finding = self.error(key.mark.clone(), message).help("join the two blocks, or rename one");
        self.findings.push(finding);
    }

    /// The entries that `<<: *base` or `<<: [*a, *b]` brings in.
    fn merged(&self, node: Node) -> Loaded<Vec<(Key, Node)>> {
        match node.value {
            Value::Map(entries) => Ok(entries),
            Value::List(items) => items.into_iter().try_fold(Vec::new(), |mut all, item| match item.value {
                Value::Map(entries) => {
                    all.extend(entries);
                    Ok(all)
                }
                _ => Err(self.error(item.mark, "`<<` merges blocks of keys only").into()),
            }),
            _ => Err(self.error(node.mark, "`<<` merges blocks of keys only").into()),
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        mark: &Mark,
    ) -> Loaded<(Value, Option<Arc<str>>)> {
        let value = match tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str())) {
            None if style == ScalarStyle::Plain => scalar::resolve(text),
            None | Some((true, "str")) => Value::String(text.to_owned()),
            Some((true, "int" | "float" | "bool" | "null")) => scalar::resolve(text),
            Some(_) => return self.refuse_tag(tag, "str", mark).map(|()| (Value::Null, None)),
        };
        let raw = match &value {
            Value::String(_) => None,
            Value::Null if text.is_empty() => None,
            _ => Some(Arc::from(text)),
        };
        Ok((value, raw))
    }

    fn refuse_tag(&self, tag: Option<&Tag>, own: &str, mark: &Mark) -> Loaded<()> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == own) => {
                let message = format!("the tag `{}{}` has no meaning here", tag.handle, tag.suffix);
                Err(self.error(mark.clone(), message).help("leave it out").into())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, depth: usize, mark: &Mark) -> Loaded<()> {
        self.nodes += nodes;
        let message = if self.nodes > MAX_NODES {
            format!("more than {MAX_NODES} values, counted after aliases are put in")
        } else if depth > MAX_DEPTH {
            format!("more than {MAX_DEPTH} blocks inside blocks")
        } else {
            return Ok(());
        };
        Err(self.error(mark.clone(), message).into())
    }

    fn next(&mut self) -> Loaded<(Event<'a>, Span)> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(wrong)) => {
                let message = format!("not YAML: {}", wrong.info());
                Err(self.error(self.mark(wrong.marker()), message).into())
            }
            None => Err(self.error(self.start(), "not YAML: the text ends too early").into()),
        }
    }

    fn error(&self, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::error_at(mark, "", message)
    }

    fn start(&self) -> Mark {
        Mark { source: Arc::clone(&self.source), line: 1, column: 1 }
    }

    fn mark(&self, at: &Marker) -> Mark {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Mark {
            source: Arc::clone(&self.source),
            line: number(at.line()).max(1),
            column: number(at.col()).saturating_add(1),
        }
    }
}

/// Adds merged entries; keys of the block itself win, and among merged ones the first.
fn merge_into(entries: &mut Vec<(Key, Node)>, merged: Vec<(Key, Node)>, places: &mut HashMap<String, Mark>) {
    for (key, node) in merged {
        if places.insert(key.name.clone(), key.mark.clone()).is_none() {
            entries.push((key, node));
        }
    }
}

#[cfg(test)]
mod tests;
