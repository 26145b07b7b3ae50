//! New contents for some messages of a chunk: decided in any order, written in one pass.

use std::mem::take;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::splice::Splice;
use super::view::{Resource, ResourceSpans, Scope, ScopeSpans};
use crate::batch::{Batch, Payload};
use crate::wire::{Field, fields_of, put_len};

/// Messages of a chunk of traces that go, or have another content.
#[derive(Debug, Default)]
pub struct Revisions {
    list: Vec<Revision>,
    /// The new contents, one after the other.
    contents: Vec<u8>,
}

#[derive(Debug)]
struct Revision {
    /// Where the field begins in the chunk.
    at: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A new field before what stands there.
    Insert(Range<usize>),
    Remove,
    Replace(Range<usize>),
}

/// Field number of a resource in its `ResourceSpans`, and of a scope in its `ScopeSpans`.
const HEAD: u32 = 1;

impl Revisions {
    pub fn remove(&mut self, field: &Field<'_>) {
        self.list.push(Revision { at: field.start, what: What::Remove });
    }

    pub fn replace(&mut self, field: &Field<'_>, content: &[u8]) {
        let content = self.keep(content);
        self.list.push(Revision { at: field.start, what: What::Replace(content) });
    }

    /// Gives a `ResourceSpans` its resource, or a `ScopeSpans` its scope, where it has none.
    pub fn insert_head(&mut self, around: &Field<'_>, content: &[u8]) {
        let content = self.keep(content);
        self.list.push(Revision { at: around.inner().start, what: What::Insert(content) });
    }

    fn keep(&mut self, content: &[u8]) -> Range<usize> {
        let start = self.contents.len();
        self.contents.extend_from_slice(content);
        start..self.contents.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Writes everything, and is empty afterwards.
    pub fn write(&mut self, splice: &mut Splice<'_>) {
        self.list.sort_by_key(|revision| (revision.at, !matches!(revision.what, What::Insert(_))));
        let mut rest = Rest { list: self.list.as_slice(), contents: &self.contents };
        let source = splice.source();
        for resource_spans in fields_of(source, 0..source.len(), 1) {
            rest.enter(splice, &resource_spans, |rest, splice| {
                rest.children(splice, &resource_spans, &mut |rest, splice, scope_spans| {
                    rest.enter(splice, scope_spans, |rest, splice| {
                        rest.children(splice, scope_spans, &mut |_, _, _| {});
                    });
                });
            });
        }
        self.list.clear();
        self.contents.clear();
    }
}

/// A place for empty revisions between batches: what they hold grows to the size of a batch, and the system takes so
/// large a buffer back at once and hands it out again page by page, which costs more than the work on it.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Option<Revisions>>);

impl Spare {
    /// Bytes that are kept at most.
    const LARGEST: usize = 8 << 20;

    /// Runs `work` with empty revisions.
    pub fn with<T>(&self, work: impl FnOnce(&mut Revisions) -> T) -> T {
        let mut revisions = self.place().take().unwrap_or_default();
        let done = work(&mut revisions);
        revisions.list.clear();
        revisions.contents.clear();
        if revisions.contents.capacity() <= Self::LARGEST {
            *self.place() = Some(revisions);
        }
        done
    }

    fn place(&self) -> MutexGuard<'_, Option<Revisions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The revisions that are still to be written.
struct Rest<'r> {
    list: &'r [Revision],
    contents: &'r [u8],
}

impl<'r> Rest<'r> {
    fn content(&self, content: &Range<usize>) -> &'r [u8] {
        self.contents.get(content.clone()).unwrap_or_default()
    }

    /// Writes what is said of a message, or of what is inside of it.
    fn enter(
        &mut self,
        splice: &mut Splice<'_>,
        field: &Field<'_>,
        within: impl FnOnce(&mut Self, &mut Splice<'_>),
    ) {
        if !self.touches(field) || self.whole(splice, field) {
            return;
        }
        splice.open(field);
        within(self, splice);
        splice.close();
    }

    /// Whether the next revision is of this message, or of something inside of it: the head of an empty message is
    /// put in where that ends.
    fn touches(&self, field: &Field<'_>) -> bool {
        self.list.first().is_some_and(|next| match next.what {
            What::Insert(_) => next.at <= field.end,
            What::Remove | What::Replace(_) => next.at < field.end,
        })
    }

    /// Whether the message as a whole goes or is replaced.
    fn whole(&mut self, splice: &mut Splice<'_>, field: &Field<'_>) -> bool {
        let Some((Revision { at, what }, rest)) = self.list.split_first() else { return false };
        if *at != field.start {
            return false;
        }
        match what {
            What::Insert(_) => return false,
            What::Remove => splice.remove(field.start..field.end),
            What::Replace(content) => {
                let content = self.content(content);
                splice.replace(field.start..field.end, |out| put_len(out, field.number, content));
            }
        }
        self.list = rest;
        // What is said of messages inside of it is void.
        while self.touches(field) {
            self.list = self.list.get(1..).unwrap_or_default();
        }
        true
    }

    /// The head of a message, and the messages of field 2.
    fn children(
        &mut self,
        splice: &mut Splice<'_>,
        around: &Field<'_>,
        inner: &mut dyn FnMut(&mut Self, &mut Splice<'_>, &Field<'_>),
    ) {
        let source = splice.source();
        if let Some((Revision { at, what: What::Insert(content) }, rest)) = self.list.split_first()
            && *at == around.inner().start
        {
            let content = self.content(content);
            splice.insert(*at, |out| put_len(out, HEAD, content));
            self.list = rest;
        }
        for field in crate::wire::fields_within(source, around.inner()) {
            if !self.touches(around) {
                return;
            }
            match field.number {
                HEAD => {
                    self.whole(splice, &field);
                }
                2 if self.touches(&field) && !self.whole(splice, &field) => inner(self, splice, &field),
                _ => {}
            }
        }
    }
}

/// What becomes of a span.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Remove,
    /// Stays, with this content.
    Replace(Vec<u8>),
}

/// What stands around a span, looked up once for all spans of a scope.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub resource_spans: ResourceSpans<'a>,
    pub resource: Resource<'a>,
    pub scope_spans: ScopeSpans<'a>,
    pub scope: Scope<'a>,
}

impl<'a> Around<'a> {
    /// Without a scope yet.
    pub fn resource(resource_spans: ResourceSpans<'a>) -> Self {
        let resource = resource_spans.resource();
        Self { resource_spans, resource, scope_spans: ScopeSpans(&[]), scope: Scope(&[]) }
    }

    #[must_use]
    pub fn scope(self, scope_spans: ScopeSpans<'a>) -> Self {
        Self { scope_spans, scope: scope_spans.scope(), ..self }
    }
}

/// Says of spans whether they stay.
pub trait Sieve {
    /// Whether to look below this resource; without, all of its spans go.
    fn resource(&mut self, around: &Around<'_>) -> bool {
        let _ = around;
        true
    }

    /// Whether to look below this scope; without, all of its spans go.
    fn scope(&mut self, around: &Around<'_>) -> bool {
        let _ = around;
        true
    }

    fn span(&mut self, around: &Around<'_>, span: &[u8]) -> Fate;
}

/// Takes spans out of a batch, and scopes and resources that are left without any; says how many spans.
pub fn sift(batch: &mut Batch, revisions: &mut Revisions, sieve: &mut impl Sieve) -> usize {
    let mut payload = Payload::default();
    let mut gone = 0;
    for chunk in take(&mut batch.payload).into_chunks() {
        gone += sift_chunk(&chunk, sieve, revisions);
        if revisions.is_empty() {
            payload.push(chunk);
            continue;
        }
        let mut splice = Splice::new(&chunk);
        revisions.write(&mut splice);
        let sifted = splice.finish();
        payload.push(sifted.map_or(chunk, Into::into));
    }
    let items = batch.items.saturating_sub(gone);
    batch.replace(payload, items);
    gone
}

fn sift_chunk(chunk: &[u8], sieve: &mut impl Sieve, revisions: &mut Revisions) -> usize {
    let mut gone = 0;
    for resource_spans in fields_of(chunk, 0..chunk.len(), 1) {
        let around = Around::resource(ResourceSpans(resource_spans.bytes()));
        let before = revisions.list.len();
        let (mut kept, mut removed) = (0, 0);
        let stays = sieve.resource(&around);
        for scope_spans in fields_of(chunk, resource_spans.inner(), 2) {
            let around = around.scope(ScopeSpans(scope_spans.bytes()));
            let before = revisions.list.len();
            let (mut kept_here, mut removed_here) = (0, 0);
            let stays = stays && sieve.scope(&around);
            for span in fields_of(chunk, scope_spans.inner(), 2) {
                match if stays { sieve.span(&around, span.bytes()) } else { Fate::Remove } {
                    Fate::Keep => kept_here += 1,
                    Fate::Remove => {
                        removed_here += 1;
                        revisions.remove(&span);
                    }
                    Fate::Replace(content) => {
                        kept_here += 1;
                        revisions.replace(&span, &content);
                    }
                }
            }
            if removed_here > 0 && kept_here == 0 {
                revisions.list.truncate(before);
                revisions.remove(&scope_spans);
            }
            (kept, removed) = (kept + kept_here, removed + removed_here);
        }
        if removed > 0 && kept == 0 {
            revisions.list.truncate(before);
            revisions.remove(&resource_spans);
        }
        gone += removed;
    }
    gone
}
