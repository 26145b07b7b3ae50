//! The walk over resources and spans: every value is counted, and what is too much is taken out.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use flow::otlp::attributes::encode_value;
use flow::otlp::splice::Splice;
use flow::otlp::view::Value;
use flow::wire::{Field, fields_of, fields_within, put_len, put_nested};

use super::keys::{Keys, Known, acts, bucket};
use super::settings::Action;
use crate::processors::pair::Pair;

const RESOURCE_ATTRIBUTES: u32 = 1;
const SPAN_ATTRIBUTES: u32 = 9;
const SEPARATOR: &str = ",";

/// Goes over the chunks of one batch.
pub(super) struct Walk<'k> {
    keys: &'k Keys,
    /// What this batch has learnt of keys.
    known: HashMap<Box<[u8]>, Known>,
    /// Keys of the present message that were acted on.
    marked: Vec<String>,
    pub(super) dropped: u64,
    pub(super) hashed: u64,
    pub(super) without_room: u64,
}

impl<'k> Walk<'k> {
    pub(super) fn new(keys: &'k Keys) -> Self {
        Self { keys, known: HashMap::new(), marked: Vec::new(), dropped: 0, hashed: 0, without_room: 0 }
    }

    pub(super) fn chunk(&mut self, splice: &mut Splice<'_>) {
        let source = splice.source();
        for resource_spans in fields_of(source, 0..source.len(), 1) {
            splice.open(&resource_spans);
            for part in fields_within(source, resource_spans.inner()) {
                match part.number {
                    1 => {
                        splice.open(&part);
                        self.list(splice, part.inner(), RESOURCE_ATTRIBUTES);
                        splice.close();
                    }
                    2 => self.scope(splice, &part),
                    _ => {}
                }
            }
            splice.close();
        }
    }

    fn scope(&mut self, splice: &mut Splice<'_>, scope_spans: &Field<'_>) {
        splice.open(scope_spans);
        for span in fields_of(splice.source(), scope_spans.inner(), 2) {
            splice.open(&span);
            self.list(splice, span.inner(), SPAN_ATTRIBUTES);
            splice.close();
        }
        splice.close();
    }

    /// The attributes of one message.
    fn list(&mut self, splice: &mut Splice<'_>, within: Range<usize>, number: u32) {
        let source = splice.source();
        let end = within.end;
        for field in fields_of(source, within, number) {
            let pair = Pair::read(field.bytes());
            if self.is_mark(&pair) {
                splice.remove(field.start..field.end);
                continue;
            }
            let Some((action, buckets)) = self.count(&pair) else { continue };
            match action {
                Action::Report => {}
                Action::Drop => {
                    self.dropped += 1;
                    splice.remove(field.start..field.end);
                }
                Action::Hash => {
                    self.hashed += 1;
                    let value = bucketed(pair.value, buckets);
                    splice.replace(field.start..field.end, |out| {
                        pair.put(number, pair.key, |out| out.extend_from_slice(&value), out);
                    });
                }
            }
        }
        self.mark(splice, end, number);
    }

    /// Counts a value; gives what is to be done about it.
    #[inline]
    fn count(&mut self, pair: &Pair<'_>) -> Option<(Action, u32)> {
        let keys = self.keys;
        let known = match self.known.get(pair.key) {
            Some(known) => known,
            None => self.known.entry(pair.key.into()).or_insert_with(|| keys.get(pair.key())),
        };
        match known {
            Known::Free => None,
            Known::Counted(entry) => {
                let limit = entry.limit;
                if !entry.see(keys.hash(pair.value)) || !acts(limit.action) {
                    return None;
                }
                entry.acted.fetch_add(1, Ordering::Relaxed);
                self.remember(pair.key());
                Some((limit.action, limit.buckets))
            }
            Known::NoRoom => {
                self.without_room += 1;
                if !acts(keys.settings.default_action()) {
                    return None;
                }
                // The key is what there are too many of, and its name is not to be told either.
                self.remember("*");
                Some((Action::Drop, 0))
            }
        }
    }

    /// Takes over what an earlier guard has told; it is told again with what is added.
    fn is_mark(&mut self, pair: &Pair<'_>) -> bool {
        let marker = &self.keys.settings.marker;
        if marker.is_empty() || pair.key != marker.as_bytes() {
            return false;
        }
        let told = Value::new(pair.value).as_str().unwrap_or_default().split(SEPARATOR);
        told.filter(|key| !key.is_empty()).for_each(|key| self.remember(key));
        true
    }

    fn remember(&mut self, key: &str) {
        if !self.keys.settings.marker.is_empty() && !self.marked.iter().any(|known| known == key) {
            self.marked.push(key.to_owned());
        }
    }

    /// Tells which keys were acted on, in an attribute at the end of the message.
    fn mark(&mut self, splice: &mut Splice<'_>, end: usize, number: u32) {
        if self.marked.is_empty() {
            return;
        }
        self.marked.sort();
        let told = self.marked.join(SEPARATOR);
        self.marked.clear();
        splice.insert(end, |out| {
            put_nested(out, number, |out| {
                put_len(out, 1, self.keys.settings.marker.as_bytes());
                put_nested(out, 2, |out| encode_value(&Value::String(&told), out));
            });
        });
    }
}

/// The value's bucket; of a whole number a whole number, so that the type stays.
fn bucketed(value: &[u8], buckets: u32) -> Vec<u8> {
    let bucket = bucket(value, buckets);
    let mut out = Vec::new();
    match Value::new(value) {
        Value::Int(_) => encode_value(&Value::Int(i64::from(bucket)), &mut out),
        _ => encode_value(&Value::String(&format!("bucket-{bucket}")), &mut out),
    }
    out
}
