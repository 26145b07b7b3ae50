//! What stands around spans, resource and scope, kept once for all the spans that share it.

use std::collections::HashMap;
use std::sync::Arc;

use flow::otlp::view::{ResourceSpans, ScopeSpans};
use flow::wire::fields;

use super::slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Headers {
    known: HashMap<Arc<[u8]>, u32>,
    list: Slab<Header>,
    scratch: Vec<u8>,
    held: usize,
}

#[derive(Debug)]
pub(crate) struct Header {
    /// The fields of `ResourceSpans` beside its scopes, those of `ScopeSpans` beside its spans, and the length of the
    /// former, since the fields alone do not tell where one ends and the other begins.
    bytes: Arc<[u8]>,
    resource_len: usize,
    uses: u32,
}

impl Header {
    /// A `ResourceSpans` message without scopes.
    pub(crate) fn resource(&self) -> &[u8] {
        self.bytes.get(..self.resource_len).unwrap_or_default()
    }

    /// A `ScopeSpans` message without spans.
    pub(crate) fn scope(&self) -> &[u8] {
        self.bytes.get(self.resource_len..self.bytes.len() - size_of::<u32>()).unwrap_or_default()
    }
}

impl Headers {
    /// Finds or adds a header, for one use more.
    pub(crate) fn enter(&mut self, resource: ResourceSpans<'_>, scope: ScopeSpans<'_>) -> u32 {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        copy_but_children(resource.0, &mut scratch);
        let resource_len = scratch.len();
        copy_but_children(scope.0, &mut scratch);
        scratch.extend_from_slice(&(resource_len as u32).to_le_bytes());
        let number = match self.known.get(&scratch[..]).copied() {
            Some(number) => {
                self.again(number);
                number
            }
            None => self.add(&scratch, resource_len),
        };
        self.scratch = scratch;
        number
    }

    /// One use more of a known header.
    pub(crate) fn again(&mut self, number: u32) {
        if let Some(header) = self.list.get_mut(number) {
            header.uses += 1;
        }
    }

    pub(crate) fn leave(&mut self, number: u32) {
        let Some(header) = self.list.get_mut(number) else { return };
        header.uses -= 1;
        if header.uses == 0
            && let Some(header) = self.list.remove(number)
        {
            self.held -= cost(header.bytes.len());
            self.known.remove(&header.bytes);
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Header> {
        self.list.get(number)
    }

    /// Bytes of memory that this takes.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    fn add(&mut self, bytes: &[u8], resource_len: usize) -> u32 {
        self.held += cost(bytes.len());
        let bytes: Arc<[u8]> = bytes.into();
        let number = self.list.insert(Header { bytes: Arc::clone(&bytes), resource_len, uses: 1 });
        self.known.insert(bytes, number);
        number
    }
}

/// The bytes with the two tables' entries.
fn cost(len: usize) -> usize {
    len + 16 + 2 * size_of::<(Arc<[u8]>, u32)>() + size_of::<Option<Header>>()
}

/// All fields but number 2: the scopes of a resource, the spans of a scope.
fn copy_but_children(message: &[u8], out: &mut Vec<u8>) {
    for field in fields(message).filter(|field| field.number != 2) {
        out.extend_from_slice(message.get(field.start..field.end).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use flow::wire::put_len;

    use super::*;

    #[test]
    fn equal_headers_stand_once_and_go_with_their_last_use() {
        let mut headers = Headers::default();
        let mut schema = Vec::new();
        put_len(&mut schema, 3, b"https://example.com/schema");
        let on_resource = headers.enter(ResourceSpans(&schema), ScopeSpans(&[]));
        let on_scope = headers.enter(ResourceSpans(&[]), ScopeSpans(&schema));
        assert_ne!(on_resource, on_scope, "where a field stands makes a difference");
        assert_eq!(headers.enter(ResourceSpans(&schema), ScopeSpans(&[])), on_resource);
        let header = headers.get(on_resource).unwrap();
        assert_eq!((header.resource(), header.scope()), (&schema[..], &[][..]));
        for number in [on_resource, on_resource, on_scope] {
            assert!(headers.get(number).is_some());
            headers.leave(number);
        }
        assert_eq!((headers.held(), headers.known.len(), headers.get(on_scope).is_none()), (0, 0, true));
    }
}
