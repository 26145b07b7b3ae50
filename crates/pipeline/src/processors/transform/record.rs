//! The messages of one resource while statements run over them: borrowed until they change.

use std::borrow::Cow;

use flow::otlp::revise::Revisions;
use flow::otlp::splice::Splice;
use flow::otlp::view::Event;
use flow::wire::{Field, fields_of, put_len};

use crate::ottl::{Change, Level, Scene};

/// Field number of the events in a span.
const EVENTS: u32 = 11;

/// A `ResourceSpans`.
pub(super) struct Resource<'a> {
    around: Field<'a>,
    draft: Draft<'a>,
    scopes: Vec<Scope<'a>>,
}

/// A `ScopeSpans`.
struct Scope<'a> {
    around: Field<'a>,
    draft: Draft<'a>,
    spans: Vec<Draft<'a>>,
}

/// A message as it is by now.
struct Draft<'a> {
    /// Where it stands; nothing where it has yet to come into being.
    field: Option<Field<'a>>,
    content: Cow<'a, [u8]>,
}

impl<'a> Draft<'a> {
    fn new(field: Option<Field<'a>>) -> Self {
        Self { field, content: Cow::Borrowed(field.map_or(&[], |field| field.bytes())) }
    }

    fn revise(self, around: &Field<'_>, revisions: &mut Revisions) {
        match (self.field, self.content) {
            (_, Cow::Borrowed(_)) => {}
            (Some(field), Cow::Owned(content)) => revisions.replace(&field, &content),
            (None, Cow::Owned(content)) if content.is_empty() => {}
            (None, Cow::Owned(content)) => revisions.insert_head(around, &content),
        }
    }
}

impl<'a> Resource<'a> {
    pub(super) fn new(source: &'a [u8], around: Field<'a>) -> Self {
        let scope = |around: Field<'a>| Scope {
            around,
            draft: Draft::new(fields_of(source, around.inner(), 1).next()),
            spans: fields_of(source, around.inner(), 2).map(|span| Draft::new(Some(span))).collect(),
        };
        Self {
            around,
            draft: Draft::new(fields_of(source, around.inner(), 1).next()),
            scopes: fields_of(source, around.inner(), 2).map(scope).collect(),
        }
    }

    pub(super) fn scopes(&self) -> usize {
        self.scopes.len()
    }

    pub(super) fn spans(&self, scope: usize) -> usize {
        self.scopes.get(scope).map_or(0, |scope| scope.spans.len())
    }

    pub(super) fn record(&mut self, now: u64) -> Record<'_, 'a> {
        Record {
            now,
            resource: &mut self.draft,
            resource_spans: self.around.bytes(),
            scope: None,
            scope_spans: &[],
            span: None,
            event: None,
            cache: Vec::new(),
        }
    }

    pub(super) fn scope_record(&mut self, nth: usize, now: u64) -> Record<'_, 'a> {
        self.inner_record(nth, None, now)
    }

    pub(super) fn span_record(&mut self, scope: usize, nth: usize, now: u64) -> Record<'_, 'a> {
        self.inner_record(scope, Some(nth), now)
    }

    fn inner_record(&mut self, nth_scope: usize, nth_span: Option<usize>, now: u64) -> Record<'_, 'a> {
        let scope = self.scopes.get_mut(nth_scope);
        let (scope_spans, scope, span) = match scope {
            Some(scope) => {
                let span = nth_span.and_then(|nth| scope.spans.get_mut(nth));
                (scope.around.bytes(), Some(&mut scope.draft), span)
            }
            None => (&[][..], None, None),
        };
        Record {
            now,
            resource: &mut self.draft,
            resource_spans: self.around.bytes(),
            scope,
            scope_spans,
            span,
            event: None,
            cache: Vec::new(),
        }
    }

    /// Says what has changed.
    pub(super) fn revise(self, revisions: &mut Revisions) {
        self.draft.revise(&self.around, revisions);
        for scope in self.scopes {
            scope.draft.revise(&scope.around, revisions);
            for span in scope.spans {
                span.revise(&scope.around, revisions);
            }
        }
    }
}

/// What a statement runs on.
pub(super) struct Record<'r, 'a> {
    now: u64,
    resource: &'r mut Draft<'a>,
    resource_spans: &'a [u8],
    scope: Option<&'r mut Draft<'a>>,
    scope_spans: &'a [u8],
    span: Option<&'r mut Draft<'a>>,
    event: Option<usize>,
    cache: Vec<u8>,
}

impl Record<'_, '_> {
    pub(super) fn scene(&self) -> Scene<'_> {
        let span = self.span.as_ref().map_or(&[][..], |draft| &draft.content);
        let scene = Scene {
            resource: &self.resource.content,
            resource_spans: self.resource_spans,
            scope: self.scope.as_ref().map_or(&[][..], |draft| &draft.content),
            scope_spans: self.scope_spans,
            cache: &self.cache,
            ..Scene::new(self.now)
        };
        let scene = scene.span(span);
        match self.event.and_then(|nth| Some((fields_of(span, 0..span.len(), EVENTS).nth(nth)?, nth))) {
            Some((event, nth)) => scene.event(Event(event.bytes()), nth),
            None => scene,
        }
    }

    pub(super) fn events(&self) -> usize {
        self.span.as_ref().map_or(0, |span| fields_of(&span.content, 0..span.content.len(), EVENTS).count())
    }

    /// Goes on to another event, with a new cache.
    pub(super) fn look_at(&mut self, event: usize) {
        self.event = Some(event);
        self.cache.clear();
    }

    pub(super) fn take(&mut self, change: Change) {
        let draft = match change.level {
            Level::Cache => {
                self.cache = change.message;
                return;
            }
            Level::Resource => Some(&mut *self.resource),
            Level::Scope => self.scope.as_deref_mut(),
            Level::Span | Level::Event => self.span.as_deref_mut(),
        };
        let Some(draft) = draft else { return };
        let content = match change.level {
            Level::Event => self.event.and_then(|nth| with_event(&draft.content, nth, &change.message)),
            _ => Some(change.message),
        };
        if let Some(content) = content {
            draft.content = content.into();
        }
    }
}

/// A span with another event in the place of one.
fn with_event(span: &[u8], nth: usize, event: &[u8]) -> Option<Vec<u8>> {
    let old = fields_of(span, 0..span.len(), EVENTS).nth(nth)?;
    let mut splice = Splice::new(span);
    splice.replace(old.start..old.end, |out| put_len(out, EVENTS, event));
    splice.finish()
}
