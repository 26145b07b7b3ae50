//! Parting the spans of a payload by a key; resource, scope and schema go with each of them.

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;

use super::view::{ResourceSpans, ScopeSpans};
use crate::batch::Payload;
use crate::wire::{fields, fields_of, put_head, varint_len};

const RESOURCE_SPANS: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SPAN: u32 = 2;

/// The spans of one key, in their order, as a request of their own.
#[derive(Debug)]
pub struct Part<K> {
    pub key: K,
    pub payload: Payload,
    pub items: usize,
}

/// Parts trace bytes by what `key_of` makes of each span's resource, scope and message. The parts stand in the order in
/// which their keys first occur; none is empty.
///
/// A chunk whose spans all have one key is shared, not copied. Resources and scopes without spans are left out of what
/// is copied.
pub fn partition<'p, K: Copy + Eq + Hash>(
    payload: &'p Payload,
    mut key_of: impl FnMut(ResourceSpans<'p>, ScopeSpans<'p>, &'p [u8]) -> K,
) -> Vec<Part<K>> {
    let mut parts = Parts { ways: HashMap::new(), last: None, list: Vec::new() };
    for chunk in payload.chunks() {
        let groups: Vec<_> = fields_of(chunk, 0..chunk.len(), RESOURCE_SPANS)
            .map(|field| Group::read(field.bytes(), |r, s, span| parts.way(key_of(r, s, span))))
            .collect();
        let mut ways = groups.iter().flat_map(|group| &group.spans).map(|span| span.way);
        let Some(first) = ways.next() else { continue };
        if ways.all(|way| way == first) {
            parts.share(first, chunk, groups.iter().map(|group| group.spans.len()).sum());
        } else {
            groups.into_iter().for_each(|group| group.deal(&mut parts.list));
        }
    }
    parts.list.into_iter().map(Growing::finish).collect()
}

/// Parts, and the place of each key among them.
struct Parts<K> {
    ways: HashMap<K, usize>,
    /// Spans of one key often stand together.
    last: Option<(K, usize)>,
    list: Vec<Growing<K>>,
}

impl<K: Copy + Eq + Hash> Parts<K> {
    fn way(&mut self, key: K) -> usize {
        if let Some((_, way)) = self.last.filter(|(last, _)| *last == key) {
            return way;
        }
        let way = *self.ways.entry(key).or_insert(self.list.len());
        if way == self.list.len() {
            let part = Part { key, payload: Payload::default(), items: 0 };
            self.list.push(Growing { part, copied: Vec::new() });
        }
        self.last = Some((key, way));
        way
    }

    fn share(&mut self, way: usize, chunk: &Bytes, items: usize) {
        if let Some(growing) = self.list.get_mut(way) {
            growing.flush();
            growing.part.payload.push(chunk.clone());
            growing.part.items += items;
        }
    }
}

struct Growing<K> {
    part: Part<K>,
    /// Not in the payload yet.
    copied: Vec<u8>,
}

impl<K> Growing<K> {
    fn flush(&mut self) {
        self.part.payload.push(std::mem::take(&mut self.copied).into());
    }

    fn finish(mut self) -> Part<K> {
        self.flush();
        self.part
    }
}

/// One `ResourceSpans` message.
struct Group<'a> {
    /// Its fields besides the scopes.
    header: Vec<u8>,
    /// Of each scope, its fields besides the spans.
    scopes: Vec<Vec<u8>>,
    spans: Vec<Placed<'a>>,
}

struct Placed<'a> {
    way: usize,
    scope: usize,
    /// The message.
    bytes: &'a [u8],
}

impl<'a> Group<'a> {
    fn read(
        message: &'a [u8],
        mut choose: impl FnMut(ResourceSpans<'a>, ScopeSpans<'a>, &'a [u8]) -> usize,
    ) -> Self {
        let resource = ResourceSpans(message);
        let mut group = Self { header: header(message, SCOPE_SPANS), scopes: Vec::new(), spans: Vec::new() };
        for scope in fields_of(message, 0..message.len(), SCOPE_SPANS) {
            let inner = scope.bytes();
            for span in fields_of(inner, 0..inner.len(), SPAN) {
                let way = choose(resource, ScopeSpans(inner), span.bytes());
                group.spans.push(Placed { way, scope: group.scopes.len(), bytes: span.bytes() });
            }
            group.scopes.push(header(inner, SPAN));
        }
        group
    }

    fn deal<K>(mut self, parts: &mut [Growing<K>]) {
        self.spans.sort_by_key(|span| span.way);
        for spans in self.spans.chunk_by(|a, b| a.way == b.way) {
            let Some(growing) = spans.first().and_then(|span| parts.get_mut(span.way)) else { continue };
            self.write(spans, &mut growing.copied);
            growing.part.items += spans.len();
        }
    }

    /// The message with these spans alone; lengths are known beforehand, so that nothing is moved.
    fn write(&self, spans: &[Placed<'_>], out: &mut Vec<u8>) {
        let scopes = || spans.chunk_by(|a, b| a.scope == b.scope);
        let len = scopes().map(|spans| nested_len(self.scope_len(spans))).sum::<usize>();
        put_head(out, RESOURCE_SPANS, self.header.len() + len);
        out.extend_from_slice(&self.header);
        for spans in scopes() {
            put_head(out, SCOPE_SPANS, self.scope_len(spans));
            out.extend_from_slice(self.scope_header(spans));
            for span in spans {
                put_head(out, SPAN, span.bytes.len());
                out.extend_from_slice(span.bytes);
            }
        }
    }

    fn scope_len(&self, spans: &[Placed<'_>]) -> usize {
        self.scope_header(spans).len() + spans.iter().map(|span| nested_len(span.bytes.len())).sum::<usize>()
    }

    fn scope_header(&self, spans: &[Placed<'_>]) -> &[u8] {
        spans.first().and_then(|span| self.scopes.get(span.scope)).map_or(&[], Vec::as_slice)
    }
}

/// All fields of a message but those of one number.
fn header(message: &[u8], without: u32) -> Vec<u8> {
    let mut header = Vec::new();
    for field in fields(message).filter(|field| field.number != without) {
        header.extend_from_slice(message.get(field.start..field.end).unwrap_or_default());
    }
    header
}

/// A length-delimited field with a number below 16.
fn nested_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}
