//! Walks over a chunk that is being spliced: to every span, or to every resource of any signal.

use std::ops::Range;

use super::attributes::Attributes;
use super::splice::Splice;
use super::view::{ResourceSpans, ScopeSpans};
use crate::wire::{fields_of, put_nested};

/// What happens to the spans of a chunk. A branch that is not entered is not read.
pub trait EditSpans {
    /// Whether to look below this resource.
    fn resource(&mut self, resource: ResourceSpans<'_>) -> bool {
        let _ = resource;
        true
    }

    /// Whether to look below this scope.
    fn scope(&mut self, scope: ScopeSpans<'_>) -> bool {
        let _ = scope;
        true
    }

    /// Edits the span whose message stands at `span` in the source; the messages around it are open.
    fn span(&mut self, splice: &mut Splice<'_>, span: Range<usize>);
}

/// Takes `edit` to every span of the chunk.
pub fn edit_spans(splice: &mut Splice<'_>, edit: &mut impl EditSpans) {
    let source = splice.source();
    for resource_spans in fields_of(source, 0..source.len(), 1) {
        if !edit.resource(ResourceSpans(resource_spans.bytes())) {
            continue;
        }
        splice.open(&resource_spans);
        for scope_spans in fields_of(source, resource_spans.inner(), 2) {
            if !edit.scope(ScopeSpans(scope_spans.bytes())) {
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
pub fn edit_resources(splice: &mut Splice<'_>, mut edit: impl FnMut(&mut Attributes, &[u8])) {
    const ATTRIBUTES: u32 = 1;
    let source = splice.source();
    let mut attributes = Attributes::default();
    for around in fields_of(source, 0..source.len(), 1) {
        splice.open(&around);
        let resource = fields_of(source, around.inner(), 1).next();
        let within = resource.as_ref().map_or(0..0, |resource| resource.inner());
        attributes.read(source, within, ATTRIBUTES, |_| true);
        edit(&mut attributes, source);
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
