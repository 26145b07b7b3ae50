//! Contexts over WebSockets: in the handshake, and inside messages where gateways strip it from there.
//!
//! ```no_run
//! use futures_util::{SinkExt, StreamExt};
//! use throughline_sdk::Propagator;
//! use throughline_sdk::websocket::{self, Messages};
//! use tokio_tungstenite::connect_async;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut socket, _) = websocket::connect("ws://assist.example/agents", &Propagator::default(), connect_async).await?;
//! let messages = Messages::internal("agents");
//! messages.send(r#"{"type":"hello"}"#, |text| socket.send(text.into())).await?;
//! while let Some(message) = socket.next().await {
//!     messages.process(message?.to_text()?, async { /* work, in the context of the message */ }).await;
//! }
//! # Ok(())
//! # }
//! ```

mod messages;

use std::net::IpAddr;

use http::{Method, StatusCode, Uri};
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request as ClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

pub use messages::Messages;

use crate::carrier::HeadersMut;
use crate::conventions::{self, cut};
use crate::propagator::Propagator;
use crate::server::ServerLayer;
use crate::span::Open;

/// Makes a handshake in a client span, with the context in its headers. What connects is one of the functions of
/// `tokio-tungstenite`, such as `connect_async`, or `|request| client_async(request, stream)`. Somebody else's server
/// need not be told the baggage: give a propagator of `tracecontext` alone.
pub async fn connect<R, T, F>(
    request: R,
    propagator: &Propagator,
    connect: impl FnOnce(ClientRequest) -> F,
) -> Result<T, Error>
where
    R: IntoClientRequest,
    F: Future<Output = Result<T, Error>>,
{
    let mut request = request.into_client_request()?;
    let mut span = start(request.uri());
    propagator.write(span.context(), &mut HeadersMut(request.headers_mut()));
    let cx = span.context().clone();
    let connected = connect(request).with_context(cx).await;
    match &connected {
        Ok(_) => conventions::answered(&span, StatusCode::SWITCHING_PROTOCOLS, false),
        Err(Error::Http(answer)) => conventions::answered(&span, answer.status(), true),
        Err(Error::Io(error)) => span.fail("connect", cut(&error.to_string())),
        Err(_) => span.fail("_OTHER", ""),
    }
    span.end();
    connected
}

/// Answers a handshake in a server span, below the caller's span where the layer believes the peer. Gives the
/// context of that span, in which the messages belong. A server that upgrades connections behind a [`ServerLayer`],
/// as axum does, has that span already.
///
/// ```no_run
/// use opentelemetry::trace::FutureExt;
/// use throughline_sdk::{ServerLayer, websocket};
/// use tokio_tungstenite::tungstenite::handshake::server::NoCallback;
///
/// # async fn run(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
/// let layer = ServerLayer::public_edge("10.0.0.0/8".parse()?);
/// let (stream, peer) = listener.accept().await?;
/// let (socket, cx) = websocket::accept(&layer, stream, Some(peer.ip()), NoCallback).await?;
/// async move { drop(socket) /* talk */ }.with_context(cx).await;
/// # Ok(())
/// # }
/// ```
pub async fn accept<S, C>(
    layer: &ServerLayer,
    stream: S,
    peer: Option<IpAddr>,
    check: C,
) -> Result<(WebSocketStream<S>, Context), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Callback + Unpin,
{
    let mut span = None;
    let socket = accept_hdr_async(stream, Asked { layer, peer, check, span: &mut span }).await;
    let Some(mut span) = span else { return Ok((socket?, Context::current())) };
    if let Err(error) = &socket
        && !matches!(error, Error::Http(_))
    {
        span.fail("_OTHER", "the handshake failed");
    }
    span.end();
    Ok((socket?, span.context().clone()))
}

/// Opens the span of a handshake when its head was read.
struct Asked<'a, C> {
    layer: &'a ServerLayer,
    peer: Option<IpAddr>,
    check: C,
    span: &'a mut Option<Open>,
}

impl<C: Callback> Callback for Asked<'_, C> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let span = self.span.insert(self.layer.open(request, self.peer));
        let _guard = span.context().clone().attach();
        let answer = self.check.on_request(request, response);
        let status = answer.as_ref().map_or_else(ErrorResponse::status, Response::status);
        conventions::answered(span, status, status.is_server_error());
        answer
    }
}

fn start(uri: &Uri) -> Open {
    let mut attributes = conventions::method(&Method::GET);
    attributes.extend(conventions::server(uri.host(), uri.port_u16()));
    let shown = format!(
        "{}://{}{}",
        uri.scheme_str().unwrap_or("ws"),
        uri.authority().map_or("", |authority| after(authority.as_str(), '@')),
        uri.path(),
    );
    attributes.push(KeyValue::new("url.full", cut(&shown)));
    let builder = SpanBuilder::from_name(conventions::name(&Method::GET, None))
        .with_kind(SpanKind::Client)
        .with_attributes(attributes);
    Open::start(builder, &Context::current())
}

fn after(text: &str, mark: char) -> &str {
    text.rsplit_once(mark).map_or(text, |(_, rest)| rest)
}
