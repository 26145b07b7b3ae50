//! Contexts inside messages of JSON text.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::FutureExt;
use opentelemetry::{Context, KeyValue};
use throughline_context::json::{Edits, Place};
use throughline_context::{Trust, websocket};

use crate::context::join;
use crate::decision::{self, attribute};
use crate::messaging::Kind;
use crate::propagator::Propagator;

/// Messages of JSON text that carry a context, in their member `context` unless [`place`](Self::place) says
/// otherwise. Gateways strip headers of the handshake; what stands in a message gets through.
///
/// ```
/// use throughline_sdk::websocket::Messages;
/// use throughline_sdk::wire::websocket::subscriptions;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let agents = Messages::internal("agents");
/// let subscribing = Messages::internal("notifications").place(subscriptions()).propagator("tracecontext".parse()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Messages {
    destination: Cow<'static, str>,
    place: Place,
    propagator: Arc<Propagator>,
    trust: Trust,
}

impl Messages {
    /// Messages of one's own services, whose contexts are believed. The destination names the spans: a word such as
    /// `agents`, no id.
    pub fn internal(destination: impl Into<Cow<'static, str>>) -> Self {
        Self::new(destination.into(), Trust::Trusted)
    }

    /// Messages that anybody can send: contexts in them are links, and no parents.
    pub fn public_edge(destination: impl Into<Cow<'static, str>>) -> Self {
        Self::new(destination.into(), Trust::Untrusted)
    }

    fn new(destination: Cow<'static, str>, trust: Trust) -> Self {
        Self { destination, place: websocket::message(), propagator: Arc::default(), trust }
    }

    /// Where in a message the context stands.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// What is read and written: `tracecontext,baggage` unless this says otherwise.
    #[must_use]
    pub fn propagator(mut self, propagator: Propagator) -> Self {
        self.propagator = Arc::new(propagator);
        self
    }

    /// Sends a message in a producer span, with the context in it. Text that cannot hold one, since it is not JSON,
    /// is sent as it is, and the span says why.
    pub async fn send<T, E, F>(&self, text: &str, send: impl FnOnce(String) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut span = self.kind().send(text, &Context::current());
        span.set(self.destination());
        let mut edits = Edits::default();
        self.propagator.write(span.context(), &mut edits);
        let text = self.place.write(text, &edits).unwrap_or_else(|error| {
            span.set(KeyValue::new(attribute::REASON, error.to_string()));
            text.to_owned()
        });
        let cx = span.context().clone();
        let sent = send(text).with_context(cx).await;
        if sent.is_err() {
            span.fail("_OTHER", "");
        }
        span.end();
        sent
    }

    /// Does the work that a message asks for, in a consumer span: below the sender's span where it is believed, or
    /// else below the one in force, with a link.
    pub async fn process<F: Future>(&self, text: &str, work: F) -> F::Output {
        let read = self.place.read(text).ok();
        let fields = read.and_then(|found| found.into_iter().next()).unwrap_or_default();
        let decision = self.propagator.find(&fields).decide(self.trust);
        let mut cx = Context::current();
        if self.trust == Trust::Trusted {
            cx = self.propagator.with_baggage(cx, &fields);
        }
        let mut more = decision::attributes(&decision);
        more.push(self.destination());
        let link = decision::link(&decision);
        let mut span = self.kind().process(text, &join(&cx, &decision), more, link);
        let cx = span.context().clone();
        let done = work.with_context(cx).await;
        span.end();
        done
    }

    fn kind(&self) -> Kind<'_> {
        Kind { system: "websocket", name: &self.destination }
    }

    fn destination(&self) -> KeyValue {
        KeyValue::new("messaging.destination.name", self.destination.clone())
    }
}
