//! A span that ends once, whatever happens.

use std::borrow::Cow;

use opentelemetry::trace::{SpanBuilder, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};

/// A span and the context in which its work runs. Where that work is dropped before its end, the span says so.
#[derive(Debug)]
pub(crate) struct Open {
    cx: Context,
    ended: bool,
}

impl Open {
    /// The interaction of the parent counts, and not that of whoever starts the span.
    pub(crate) fn start(builder: SpanBuilder, parent: &Context) -> Self {
        let _guard = parent.clone().attach();
        let span = global::tracer("throughline-sdk").build_with_context(builder, parent);
        Self { cx: parent.with_span(span), ended: false }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.cx
    }

    pub(crate) fn set(&self, attribute: KeyValue) {
        self.cx.span().set_attribute(attribute);
    }

    /// What went wrong: a word out of few, and more about it. The latter is shown to people, so that no value of a
    /// customer may stand in it.
    pub(crate) fn fail(&self, kind: impl Into<Cow<'static, str>>, more: impl Into<Cow<'static, str>>) {
        self.set(KeyValue::new("error.type", kind.into()));
        self.cx.span().set_status(Status::error(more));
    }

    pub(crate) fn end(&mut self) {
        self.cx.span().end();
        self.ended = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            self.fail("cancelled", "dropped before it was done");
            self.end();
        }
    }
}
