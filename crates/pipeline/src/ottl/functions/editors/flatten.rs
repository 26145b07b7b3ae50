//! `flatten`: what stands in maps and lists inside of a map, under keys of its own.

use std::collections::HashMap;

use flow::otlp::attributes::encode_value;
use flow::otlp::view::Value as View;
use flow::wire::{fields, put_len, put_nested};

use super::maps::edit;
use super::{Args, Changed};
use crate::ottl::failure::Failure;
use crate::ottl::value::entries;

pub(super) fn flatten(args: Args<'_, '_>) -> Changed {
    let prefix = if args.has(1) { args.text(1)? } else { "".into() };
    let deepest = if args.has(2) { args.size(2)? } else { usize::MAX };
    if deepest == 0 {
        return Err(Failure::new("the depth must be at least 1"));
    }
    let resolves = args.has(3) && args.truth(3)?;
    edit(args.target(0)?, args, &mut |message, number| {
        let nested = |value: &View<'_>| matches!(value, View::Map(_) | View::Array(_));
        if prefix.is_empty() && !entries(message, number).any(|entry| nested(&entry.value)) {
            return Ok(None);
        }
        let mut flat =
            Flat { deepest, resolves, entries: Vec::new(), places: HashMap::new(), again: HashMap::new() };
        for entry in entries(message, number) {
            flat.value(joined(&prefix, entry.key), None, entry.value, 0);
        }
        let mut out = Vec::with_capacity(message.len());
        for field in fields(message).filter(|field| field.number != number) {
            out.extend_from_slice(message.get(field.start..field.end).unwrap_or_default());
        }
        for (key, value) in flat.entries {
            put_nested(&mut out, number, |out| {
                put_len(out, 1, key.as_bytes());
                put_len(out, 2, &value);
            });
        }
        Ok(Some(out))
    })
}

struct Flat {
    deepest: usize,
    /// A key that is there already gets a number.
    resolves: bool,
    /// Values as `AnyValue`s.
    entries: Vec<(String, Vec<u8>)>,
    places: HashMap<String, usize>,
    /// The next number of a key.
    again: HashMap<String, usize>,
}

impl Flat {
    /// Of an element of a list, `list` is the key of that.
    fn value(&mut self, key: String, list: Option<&str>, value: View<'_>, depth: usize) {
        match value {
            View::Map(map) if depth < self.deepest => {
                for entry in map.entries() {
                    self.value(joined(&key, entry.key), None, entry.value, depth + 1);
                }
            }
            View::Array(array) if depth < self.deepest => {
                for (nth, element) in array.values().enumerate() {
                    self.value(joined(&key, &nth.to_string()), Some(&key), element, depth + 1);
                }
            }
            value => {
                let mut encoded = Vec::new();
                encode_value(&value, &mut encoded);
                // The numbers of elements are those that tell them apart.
                let key = if self.resolves { list.map_or(key, str::to_owned) } else { key };
                self.put(key, encoded);
            }
        }
    }

    fn put(&mut self, key: String, value: Vec<u8>) {
        let key = if self.resolves { self.free(key) } else { key };
        match self.places.get(&key).and_then(|place| self.entries.get_mut(*place)) {
            Some((_, old)) => *old = value,
            None => {
                self.places.insert(key.clone(), self.entries.len());
                self.entries.push((key, value));
            }
        }
    }

    fn free(&mut self, key: String) -> String {
        if !self.places.contains_key(&key) {
            return key;
        }
        let next = self.again.entry(key.clone()).or_insert(0);
        loop {
            let numbered = format!("{key}.{next}");
            *next += 1;
            if !self.places.contains_key(&numbered) {
                return numbered;
            }
        }
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}
