//! Several configurations become one.

use std::collections::HashMap;

use flow::config::{Key, Mark, Node, Value};

/// The later wins: blocks are joined key by key, anything else (lists and null too) replaces what was there.
pub(super) fn merge(earlier: Node, later: Node) -> Node {
    match (earlier.value, later.value) {
        (Value::Map(entries), Value::Map(more)) => {
            let mut block = Block::default();
            for (key, node) in entries.into_iter().chain(more) {
                block.put(key, node);
            }
            Node::new(earlier.mark, Value::Map(block.entries))
        }
        (_, value) => Node { value, ..later },
    }
}

/// A block whose keys may be paths: `a::b: c` is `a: {b: c}`.
pub(super) fn nested(mark: Mark, entries: Vec<(Key, Node)>) -> Node {
    let mut block = Block::default();
    for (key, node) in entries {
        let mut steps = key.name.rsplit("::");
        let last = steps.next().unwrap_or_default();
        let step = |name: &str| Key { name: name.to_owned(), mark: key.mark.clone() };
        let (first, node) = steps.fold((step(last), node), |(below, node), name| {
            (step(name), Node::new(key.mark.clone(), Value::Map(vec![(below, node)])))
        });
        block.put(first, node);
    }
    Node::new(mark, Value::Map(block.entries))
}

#[derive(Default)]
struct Block {
    entries: Vec<(Key, Node)>,
    places: HashMap<String, usize>,
}

impl Block {
    fn put(&mut self, key: Key, node: Node) {
        let place = *self.places.entry(key.name.clone()).or_insert(self.entries.len());
        let Some((known, value)) = self.entries.get_mut(place) else {
            self.entries.push((key, node));
            return;
        };
        let joins = matches!((&value.value, &node.value), (Value::Map(_), Value::Map(_)));
        let earlier = std::mem::replace(value, Node::new(key.mark.clone(), Value::Null));
        *value = merge(earlier, node);
        if !joins {
            *known = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> String {
        let read = |text: &&str| match Node::load("c.yaml", text).map(|node| node.value) {
            Ok(Value::Map(entries)) => nested(Mark { source: "c".into(), line: 1, column: 1 }, entries),
            other => panic!("{other:?}"),
        };
        shown(&texts.iter().map(read).reduce(merge).expect("a text"))
    }

    fn shown(node: &Node) -> String {
        let all = |parts: Vec<String>| parts.join(", ");
        match &node.value {
            Value::Map(entries) => {
                let parts = entries.iter().map(|(key, node)| format!("{}: {}", key.name, shown(node)));
                format!("{{{}}}", all(parts.collect()))
            }
            Value::List(items) => format!("[{}]", all(items.iter().map(shown).collect())),
            _ => node.text().unwrap_or("~").to_owned(),
        }
    }

    #[test]
    fn the_later_wins() {
        let table: [(&[&str], &str); 7] = [
            (&["a: 1", "b: 2"], "{a: 1, b: 2}"),
            (&["a: {b: 1, c: 2}", "a: {c: 3, d: 4}"], "{a: {b: 1, c: 3, d: 4}}"),
            (&["a: [1, 2]", "a: [3]"], "{a: [3]}"),
            (&["a: {b: 1}", "a:"], "{a: ~}"),
            (&["a: {b: 1}", "a: text", "a: {c: 2}"], "{a: {c: 2}}"),
            (&["a::b::c: 1", "a: {b: {d: 2}}"], "{a: {b: {c: 1, d: 2}}}"),
            (&["a::b: 1\na: {c: 2}\na::d: 3"], "{a: {b: 1, c: 2, d: 3}}"),
        ];
        for (texts, expected) in table {
            assert_eq!(merged(texts), expected, "{texts:?}");
        }
    }
}
