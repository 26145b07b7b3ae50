//! Walks over what is being spliced: to every span, or to every resource of any signal.

use std::mem::take;
use std::ops::Range;

use super::attributes::{Attributes, Keys};
use super::splice::Splice;
use super::view::{ResourceSpans, ScopeSpans};
use crate::batch::{Batch, Payload};
use crate::wire::{fields_of, put_nested};

/// Splices each chunk of a batch; one after another, so that little stands there twice.
pub fn edit(batch: &mut Batch, mut splice: impl FnMut(&mut Splice<'_>)) {
    let mut payload = Payload::default();
    for chunk in take(&mut batch.payload).into_chunks() {
        let mut edited = Splice::new(&chunk);
        splice(&mut edited);
        let edited = edited.finish();
        payload.push(edited.map_or(chunk, Into::into));
    }
    batch.replace(payload, batch.items);
}

/// What happens to the spans of a chunk. A branch that is not entered is not read.
pub trait EditSpans {
    /// Whether to look below this resource.
    fn resource(&mut self, resource: ResourceSpans<'_>) -> bool {
        let _ = resource;
        true
    }

    /// Whether to look below this scope.
    fn scope(&mut self, resource: ResourceSpans<'_>, scope: ScopeSpans<'_>) -> bool {
        let _ = (resource, scope);
        true
    }

    /// Edits the span whose message stands at `span` in the source; the messages around it are open.
    fn span(&mut self, splice: &mut Splice<'_>, span: Range<usize>);
}

/// Takes `edit` to every span of the chunk.
pub fn edit_spans(splice: &mut Splice<'_>, edit: &mut impl EditSpans) {
    let source = splice.source();
    for resource_spans in fields_of(source, 0..source.len(), 1) {
        let resource = ResourceSpans(resource_spans.bytes());
        if !edit.resource(resource) {
            continue;
        }
        splice.open(&resource_spans);
        for scope_spans in fields_of(source, resource_spans.inner(), 2) {
            if !edit.scope(resource, ScopeSpans(scope_spans.bytes())) {
                continue;
            }
            splice.open(&scope_spans);
            for span in fields_of(source, scope_spans.inner(), 2) {
                splice.open(&span);
                edit.span(splice, span.inner());
                splice.close();
            }
            splice.close();
        }
        splice.close();
    }
}

/// Edits the attributes of every resource of a chunk, of any signal: in all three a resource is field 1 of field 1.
/// A resource that does not stand there is made where the edit adds to it.
pub fn edit_resources(
    splice: &mut Splice<'_>,
    attributes: &mut Attributes,
    mut edit: impl FnMut(&mut Attributes, &[u8]),
) {
    const ATTRIBUTES: u32 = 1;
    let keys = Keys::all();
    let source = splice.source();
    for around in fields_of(source, 0..source.len(), 1) {
        splice.open(&around);
        let resource = fields_of(source, around.inner(), 1).next();
        let within = resource.as_ref().map_or(0..0, |resource| resource.inner());
        attributes.read(source, within, ATTRIBUTES, &keys);
        edit(attributes, source);
        if let Some(resource) = resource {
            splice.open(&resource);
            attributes.write(splice);
            splice.close();
        } else if attributes.changed() {
            splice
                .insert(around.inner().start, |out| put_nested(out, 1, |out| attributes.encode(source, out)));
        }
        splice.close();
    }
}
