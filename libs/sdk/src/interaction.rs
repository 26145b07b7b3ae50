//! The interaction that work belongs to, and its id on every span of that work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span as _, TraceContextExt};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use pin_project_lite::pin_project;
use throughline_context::Baggage;

/// A customer interaction: a call, a chat, an e-mail. Every span that is started in its scope carries its id.
///
/// A scope belongs to a future or to a closure, not to a thread or a process, so that one process can serve any number
/// of interactions at once. Of nested scopes the inner one counts.
///
/// ```
/// use throughline_sdk::Interaction;
///
/// let call = Interaction::new("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54");
/// call.scope(|| assert_eq!(Interaction::current(), Some(call.clone())));
/// assert_eq!(Interaction::current(), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Interaction {
    id: Arc<str>,
}

/// Puts futures into the scope of an interaction.
pub trait InInteraction: Future + Sized {
    /// This future in the scope of an interaction, in whatever task it runs:
    /// `tokio::spawn(work().in_interaction(call))`.
    ///
    /// The span in force while the future runs is the parent of its spans; where there is none, as in a task of its
    /// own, the one in force now.
    fn in_interaction(self, interaction: Interaction) -> Scoped<Self> {
        Scoped { inner: self, interaction, outer: Context::current() }
    }

    /// This future in the scope that is in force now, for a task of its own: `tokio::spawn(work().in_scope())`.
    fn in_scope(self) -> Scoped<Self> {
        let outer = Context::current();
        let interaction = Interaction::of(&outer).unwrap_or_else(|| Interaction::new(""));
        Scoped { inner: self, interaction, outer }
    }
}

impl<F: Future> InInteraction for F {}

pin_project! {
    /// A future in the scope of an interaction.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Scoped<F> {
        #[pin]
        inner: F,
        interaction: Interaction,
        outer: Context,
    }
}

/// Writes the attribute `interaction.id` on every span that is started in a scope. `init` installs it; to build a
/// provider of your own, add it before the processor that exports.
#[derive(Debug, Default)]
pub struct Stamp;

impl Interaction {
    /// The attribute, and the member of a baggage, that holds the id.
    pub const ATTRIBUTE: &str = Baggage::INTERACTION_ID;

    /// The interaction with this id. An empty id stands for none.
    pub fn new(id: impl AsRef<str>) -> Self {
        Self { id: id.as_ref().into() }
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The interaction in whose scope this runs.
    pub fn current() -> Option<Self> {
        Context::map_current(Self::of)
    }

    /// Runs a closure in the scope.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _guard = self.attach();
        work()
    }

    /// Opens the scope on this thread until the guard goes. Do not hold it over an `.await`: see
    /// [`InInteraction`].
    pub fn attach(&self) -> ContextGuard {
        Context::map_current(|cx| self.on(cx)).attach()
    }

    /// This context, in the scope.
    pub fn on(&self, cx: &Context) -> Context {
        cx.with_value(self.clone())
    }

    /// The interaction of a context: of its scope, or else of its baggage.
    pub fn of(cx: &Context) -> Option<Self> {
        let in_baggage = || cx.baggage().get(Self::ATTRIBUTE).map(|id| Self::new(id.as_str()));
        cx.get::<Self>().cloned().or_else(in_baggage).filter(|interaction| !interaction.id.is_empty())
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<F::Output> {
        let this = self.project();
        let in_scope = Context::map_current(|cx| {
            let outer = if cx.span().span_context().is_valid() { cx } else { &*this.outer };
            this.interaction.on(outer)
        });
        let _guard = in_scope.attach();
        this.inner.poll(waker)
    }
}

impl SpanProcessor for Stamp {
    /// The parent's scope counts before the one in force: `tracing` may start a span long after it was made, in
    /// whatever scope it is entered or closed.
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if let Some(interaction) = Interaction::of(cx).or_else(Interaction::current) {
            span.set_attribute(KeyValue::new(Interaction::ATTRIBUTE, interaction.id));
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {}
}
