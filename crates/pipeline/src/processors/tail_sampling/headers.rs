//! What stands around spans, resource and scope, kept once for all the spans that share it.

use std::collections::HashMap;
use std::sync::Arc;

use flow::otlp::view::{ResourceSpans, ScopeSpans};
use flow::wire::fields;

use super::slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Headers {
    known: HashMap<Arc<[u8]>, u32>,
    /// With how often each is used.
    list: Slab<(Header, u32)>,
    held: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The fields of `ResourceSpans` beside its scopes, those of `ScopeSpans` beside its spans, and the length of the
    /// former, since the fields alone do not tell where one ends and the other begins.
    bytes: Arc<[u8]>,
}

impl Header {
    pub(crate) fn of(resource: ResourceSpans<'_>, scope: ScopeSpans<'_>) -> Self {
        let mut bytes = Vec::new();
        copy_but_children(resource.0, &mut bytes);
        let resource_len = bytes.len() as u32;
        copy_but_children(scope.0, &mut bytes);
        bytes.extend_from_slice(&resource_len.to_le_bytes());
        Self { bytes: bytes.into() }
    }

    /// A `ResourceSpans` message without scopes.
    pub(crate) fn resource(&self) -> &[u8] {
        self.parts().0
    }

    /// A `ScopeSpans` message without spans.
    pub(crate) fn scope(&self) -> &[u8] {
        self.parts().1
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let parts = self.bytes.split_last_chunk();
        let parts =
            parts.and_then(|(fields, len)| fields.split_at_checked(u32::from_le_bytes(*len) as usize));
        parts.unwrap_or_default()
    }
}

impl Headers {
    /// Finds or adds a header, for one use more.
    pub(crate) fn enter(&mut self, header: Header) -> u32 {
        if let Some(number) = self.known.get(&header.bytes).copied() {
            self.again(number);
            return number;
        }
        self.held += cost(header.bytes.len());
        let bytes = Arc::clone(&header.bytes);
        let number = self.list.insert((header, 1));
        self.known.insert(bytes, number);
        number
    }

    /// One use more of a known header.
    pub(crate) fn again(&mut self, number: u32) {
        if let Some((_, uses)) = self.list.get_mut(number) {
            *uses += 1;
        }
    }

    pub(crate) fn leave(&mut self, number: u32) {
        let Some((_, uses)) = self.list.get_mut(number) else { return };
        *uses -= 1;
        if *uses == 0
            && let Some((header, _)) = self.list.remove(number)
        {
            self.held -= cost(header.bytes.len());
            self.known.remove(&header.bytes);
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Header> {
        self.list.get(number).map(|(header, _)| header)
    }

    /// Bytes of memory that this takes.
    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

/// The bytes with the two tables' entries.
fn cost(len: usize) -> usize {
    len + 16 + 2 * size_of::<(Arc<[u8]>, u32)>() + size_of::<Option<(Header, u32)>>()
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
        let first = Header::of(ResourceSpans(&schema), ScopeSpans(&[]));
        let on_resource = headers.enter(first.clone());
        let on_scope = headers.enter(Header::of(ResourceSpans(&[]), ScopeSpans(&schema)));
        assert_ne!(on_resource, on_scope, "where a field stands makes a difference");
        assert_eq!(headers.enter(first.clone()), on_resource);
        let header = headers.get(on_resource).unwrap();
        assert_eq!((header.resource(), header.scope()), (&schema[..], &[][..]));
        for number in [on_resource, on_resource, on_scope] {
            assert!(headers.get(number).is_some());
            headers.leave(number);
        }
        assert_eq!((headers.held(), headers.known.len(), headers.get(on_scope).is_none()), (0, 0, true));
    }
}
