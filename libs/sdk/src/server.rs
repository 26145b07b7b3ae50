//! The layer for servers: a span for each request, below the caller's span where the caller is believed.

mod peers;
mod span;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};

use http::{Extensions, Request, Response};
use opentelemetry::Context;
use pin_project_lite::pin_project;
use throughline_context::{Trust, genesys};
use tower_layer::Layer;
use tower_service::Service;

pub use peers::{Peers, UnknownPeers};

use crate::carrier::Headers;
use crate::early;
use crate::interaction::Interaction;
use crate::propagator::Propagator;
use crate::span::Open;

/// Starts a span for each request and runs the service in its context.
///
/// Inside a network, [`internal`](Self::internal) believes every caller: the trace goes on. At a public edge, where
/// anybody may call, [`public_edge`](Self::public_edge) believes the peers that it is given; for all others the trace
/// restarts, with a link to what they claimed. Which of the two a server is has to be said, since a wrong guess breaks
/// traces or lets strangers write into them.
///
/// Whenever a trace restarts, the span holds the reason and the header as received: see
/// [`attribute`](crate::attribute).
///
/// The span ends when the head of the answer is ready, or when the caller goes away before that.
///
/// ```
/// use throughline_sdk::ServerLayer;
///
/// let inside = ServerLayer::internal();
/// let edge = ServerLayer::public_edge("10.0.0.0/8, 2001:db8::/32".parse()?)
///     .peer_address(|extensions| extensions.get::<std::net::SocketAddr>().map(|peer| peer.ip()));
/// # Ok::<(), throughline_sdk::UnknownPeers>(())
/// ```
#[derive(Clone)]
pub struct ServerLayer {
    settings: Settings,
}

/// A service inside of a [`ServerLayer`].
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    settings: Settings,
}

pin_project! {
    /// The answer of a [`Server`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        span: Open,
    }
}

type Look<T> = Arc<dyn Fn(&Extensions) -> Option<T> + Send + Sync>;

#[derive(Clone)]
struct Settings {
    /// Nothing: every peer is believed.
    believed: Option<Arc<Peers>>,
    propagator: Arc<Propagator>,
    peer_address: Look<IpAddr>,
    route: Look<String>,
}

impl ServerLayer {
    /// For a server that only one's own services can reach: every caller is believed.
    pub fn internal() -> Self {
        Self::new(None)
    }

    /// For a server that anybody can reach: these peers are believed. Say with
    /// [`peer_address`](Self::peer_address) where a request's peer is found; a request without one is not believed.
    pub fn public_edge(trusted: Peers) -> Self {
        Self::new(Some(Arc::new(trusted)))
    }

    fn new(believed: Option<Arc<Peers>>) -> Self {
        let propagator = Arc::default();
        Self {
            settings: Settings {
                believed,
                propagator,
                peer_address: Arc::new(|_| None),
                route: Arc::new(|_| None),
            },
        }
    }

    /// Where to find the address of the peer, such as axum's `ConnectInfo`. It must be that of the connection: a
    /// header such as `X-Forwarded-For` can be written by anybody.
    #[must_use]
    pub fn peer_address(
        mut self,
        find: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.settings.peer_address = Arc::new(find);
        self
    }

    /// Where to find the route that was matched, such as axum's `MatchedPath`. It names the span.
    #[must_use]
    pub fn route(mut self, find: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.route = Arc::new(find);
        self
    }

    /// What is read and written: `tracecontext,baggage` unless this says otherwise.
    #[must_use]
    pub fn propagator(mut self, propagator: Propagator) -> Self {
        self.settings.propagator = Arc::new(propagator);
        self
    }

    /// The span of a request from this peer.
    #[cfg(feature = "websocket")]
    pub(crate) fn open<B>(&self, request: &Request<B>, peer: Option<IpAddr>) -> Open {
        self.settings.open(request, peer)
    }
}

impl Settings {
    /// The span of a request, and the context in which it is served.
    fn open<B>(&self, request: &Request<B>, peer: Option<IpAddr>) -> Open {
        if early::PROCESS.serve() {
            tracing::warn!("a request is served before throughline_sdk::init ran, and its span is lost");
        }
        let headers = Headers(request.headers());
        let trust = match &self.believed {
            None => Trust::Trusted,
            Some(believed) if peer.is_some_and(|peer| believed.contains(peer)) => Trust::Trusted,
            Some(_) => Trust::Untrusted,
        };
        let decision = self.propagator.find(&headers).decide(trust);
        let mut cx = Context::new();
        if trust == Trust::Trusted {
            if let Some(conversation) = genesys::conversation_id(&headers) {
                cx = Interaction::new(conversation).on(&cx);
            }
            cx = self.propagator.with_baggage(cx, &headers);
        }
        let route = (self.route)(request.extensions());
        span::start(&cx, request, &decision, peer, route)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, settings: self.settings.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Server<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, waker: &mut Waker<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(waker)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<S::Future> {
        let peer = (self.settings.peer_address)(request.extensions());
        let span = self.settings.open(&request, peer);
        let inner = {
            let _guard = span.context().clone().attach();
            self.inner.call(request)
        };
        ResponseFuture { inner, span }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _guard = this.span.context().clone().attach();
        let answer = this.inner.poll(waker);
        match &answer {
            Poll::Ready(Ok(response)) => span::answered(this.span, response.status()),
            Poll::Ready(Err(error)) => span::failed(this.span, error),
            Poll::Pending => {}
        }
        answer
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("believed", &self.believed).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").field("believed", &self.settings.believed).finish_non_exhaustive()
    }
}
