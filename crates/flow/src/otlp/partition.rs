//! Dealing out the spans of a payload; resource, scope and schema go with each of them.

use bytes::Bytes;

use super::view::{ResourceSpans, ScopeSpans};
use crate::batch::Payload;
use crate::wire::{fields, fields_of, put_head, varint_len};

const RESOURCE_SPANS: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SPAN: u32 = 2;

/// Deals trace bytes out among `ways`: `choose` says where each span goes, by its resource, its scope and the bytes of
/// its message; what is out of range goes the last way. A part comes with its number of spans, in their order.
///
/// A chunk whose spans all go one way is shared, not copied. Resources and scopes without spans are left out of what is
/// copied.
pub fn partition(
    payload: &Payload,
    ways: usize,
    mut choose: impl FnMut(ResourceSpans<'_>, ScopeSpans<'_>, &[u8]) -> usize,
) -> Vec<(Payload, usize)> {
    let mut parts: Vec<Part> = (0..ways).map(|_| Part::default()).collect();
    let Some(last) = ways.checked_sub(1) else { return Vec::new() };
    for chunk in payload.chunks() {
        let groups: Vec<_> = fields_of(chunk, 0..chunk.len(), RESOURCE_SPANS)
            .map(|field| Group::read(field.bytes(), |r, s, span| choose(r, s, span).min(last)))
            .collect();
        let mut ways = groups.iter().flat_map(|group| &group.spans).map(|span| span.way);
        let first = ways.next().unwrap_or_default();
        if ways.all(|way| way == first) {
            if let Some(part) = parts.get_mut(first) {
                part.share(chunk, groups.iter().map(|group| group.spans.len()).sum());
            }
            continue;
        }
        groups.into_iter().for_each(|group| group.deal(&mut parts));
    }
    parts.into_iter().map(Part::finish).collect()
}

/// What goes one way.
#[derive(Default)]
struct Part {
    payload: Payload,
    items: usize,
    /// Not in the payload yet.
    copied: Vec<u8>,
}

impl Part {
    fn share(&mut self, chunk: &Bytes, items: usize) {
        self.flush();
        self.payload.push(chunk.clone());
        self.items += items;
    }

    fn flush(&mut self) {
        self.payload.push(std::mem::take(&mut self.copied).into());
    }

    fn finish(mut self) -> (Payload, usize) {
        self.flush();
        (self.payload, self.items)
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
        mut choose: impl FnMut(ResourceSpans<'_>, ScopeSpans<'_>, &[u8]) -> usize,
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

    fn deal(mut self, parts: &mut [Part]) {
        self.spans.sort_by_key(|span| span.way);
        for spans in self.spans.chunk_by(|a, b| a.way == b.way) {
            let Some(part) = spans.first().and_then(|span| parts.get_mut(span.way)) else { continue };
            self.write(spans, &mut part.copied);
            part.items += spans.len();
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
