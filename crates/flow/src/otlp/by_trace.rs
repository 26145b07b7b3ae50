//! Parting a payload by trace; resource, scope and schema go with each part.

use std::collections::HashMap;

use crate::batch::Payload;
use crate::wire::{Field, WireType, fields, fields_of, put_tag, set_length};

/// The spans of one trace, as a request of their own.
#[derive(Debug)]
pub struct Part {
    /// As it stands on the spans; empty where a span has none.
    pub trace_id: Box<[u8]>,
    pub bytes: Vec<u8>,
    pub spans: usize,
}

/// Parts a payload of traces, in the order in which the traces begin.
pub fn by_trace(payload: &Payload) -> Vec<Part> {
    let mut parts = Parts::default();
    for chunk in payload.chunks() {
        for resource_spans in fields_of(chunk, 0..chunk.len(), 1) {
            parts.resource = parts.resource.wrapping_add(1);
            let resource = head(resource_spans.bytes());
            for scope_spans in fields_of(chunk, resource_spans.inner(), 2) {
                parts.scope = parts.scope.wrapping_add(1);
                let scope = head(scope_spans.bytes());
                for span in fields_of(chunk, scope_spans.inner(), 2) {
                    let whole = chunk.get(span.start..span.end).unwrap_or_default();
                    parts.put(trace_id(span.bytes()), &resource, &scope, whole);
                }
            }
        }
    }
    parts.finish()
}

/// The trace id of a span.
fn trace_id(span: &[u8]) -> &[u8] {
    fields_of(span, 0..span.len(), 1).next().map_or(&[], |id: Field<'_>| id.bytes())
}

/// What stands around the messages of field 2.
fn head(message: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for field in fields(message).filter(|field| field.number != 2) {
        head.extend_from_slice(message.get(field.start..field.end).unwrap_or_default());
    }
    head
}

#[derive(Default)]
struct Parts {
    by_id: HashMap<Box<[u8]>, usize>,
    list: Vec<Growing>,
    /// Of the span being put, counted over all chunks.
    resource: usize,
    scope: usize,
}

struct Growing {
    part: Part,
    resource: Open,
    scope: Open,
}

/// A message that is still being written.
struct Open {
    id: usize,
    length_at: usize,
}

impl Parts {
    fn put(&mut self, id: &[u8], resource: &[u8], scope: &[u8], span: &[u8]) {
        let nth = match self.by_id.get(id) {
            Some(nth) => *nth,
            None => {
                self.by_id.insert(id.into(), self.list.len());
                let part = Part { trace_id: id.into(), bytes: Vec::new(), spans: 0 };
                let none = || Open { id: 0, length_at: 0 };
                self.list.push(Growing { part, resource: none(), scope: none() });
                self.list.len() - 1
            }
        };
        let Some(growing) = self.list.get_mut(nth) else { return };
        let bytes = &mut growing.part.bytes;
        if growing.scope.id != self.scope {
            close(bytes, &growing.scope);
            if growing.resource.id != self.resource {
                close(bytes, &growing.resource);
                growing.resource = open(bytes, 1, self.resource, resource);
            }
            growing.scope = open(bytes, 2, self.scope, scope);
        }
        bytes.extend_from_slice(span);
        growing.part.spans += 1;
    }

    fn finish(self) -> Vec<Part> {
        let finished = self.list.into_iter().map(|mut growing| {
            close(&mut growing.part.bytes, &growing.scope);
            close(&mut growing.part.bytes, &growing.resource);
            growing.part
        });
        finished.collect()
    }
}

fn open(bytes: &mut Vec<u8>, number: u32, id: usize, head: &[u8]) -> Open {
    put_tag(bytes, number, WireType::Len);
    let length_at = bytes.len();
    bytes.push(0);
    bytes.extend_from_slice(head);
    Open { id, length_at }
}

/// Nothing where none was opened yet.
fn close(bytes: &mut Vec<u8>, open: &Open) {
    if open.id > 0 {
        let len = bytes.len() - open.length_at - 1;
        set_length(bytes, open.length_at, 1, len);
    }
}
