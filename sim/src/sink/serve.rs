//! The listener, its connections, and one request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::behaviour::Answer;
use super::reply::{Body, accepted, refused};
use super::unpack::unpack;
use super::{Received, Shared};
use crate::format::Format;

/// The largest body the sink reads.
const MAX_BODY: usize = 64 << 20;
/// Wide enough that a batch of spans never waits for a window update.
const HTTP2_WINDOW: u32 = 4 << 20;

/// As many connections as wait to be accepted elsewhere.
const BACKLOG: u32 = 1024;

/// Accepts connections until the task is dropped; has no listener while the sink refuses.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut behaviour = shared.behaviour.subscribe();
    let mut listener = Some(listener);
    let mut kept = None;
    let mut open = JoinSet::new();
    loop {
        let refusing = behaviour.borrow_and_update().answer == Answer::Refuse;
        match &listener {
            Some(_) if refusing => {
                listener = None;
                kept = reserve(address).ok();
                open.shutdown().await;
            }
            Some(bound) => tokio::select! {
                Ok((stream, _)) = bound.accept() => { open.spawn(converse(stream, shared.clone())); }
                Some(_) = open.join_next() => {}
                Ok(()) = behaviour.changed() => {}
            },
            None if refusing => {
                if behaviour.changed().await.is_err() {
                    return;
                }
            }
            None => {
                match kept.take().map_or_else(|| reserve(address), Ok).and_then(|port| port.listen(BACKLOG)) {
                    Ok(bound) => listener = Some(bound),
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        }
    }
}

/// A port that refuses connections is still the sink's: whoever looks for a free one must not find it.
fn reserve(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(receive(&shared, request).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().initial_stream_window_size(HTTP2_WINDOW).initial_connection_window_size(HTTP2_WINDOW * 4);
    // A client that goes away is the client's business; what it sent whole is counted.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn receive(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let format = Format::of(&head.headers);
    let Some(signal) = shared.route(head.uri.path()) else {
        shared.counts.send_modify(|counts| counts.misdirected += 1);
        let reason = format!("the sink has no path {}", head.uri.path());
        return refused(format, StatusCode::NOT_FOUND, &reason, None);
    };
    if head.method != Method::POST {
        return refused(format, StatusCode::METHOD_NOT_ALLOWED, "the sink takes POST", None);
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return refused(format, StatusCode::PAYLOAD_TOO_LARGE, "the body broke off or is above 64 MiB", None);
    };
    if let Some(refusal) = misbehave(shared, format).await {
        shared.counts.send_modify(|counts| counts.refused += 1);
        return refusal;
    }
    let body = body.to_bytes();
    let wire_bytes = body.len() as u64;
    let (message, items) = match unpack(format, &head.headers, body) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            shared.counts.send_modify(|counts| counts.unreadable += 1);
            return refused(format, StatusCode::BAD_REQUEST, &error.to_string(), None);
        }
    };
    pass_turnstile(shared, items).await;
    if shared.keep {
        let path = head.uri.path().to_owned();
        shared.keep(Received { path, signal, format, headers: head.headers, message, items });
    }
    shared.counts.send_modify(|counts| counts.add(signal, items, wire_bytes));
    accepted(format)
}

/// The refusal that befalls this request, after the waits that the behaviour asks for.
async fn misbehave(shared: &Shared, format: Format) -> Option<Response<Body>> {
    let mut watched = shared.behaviour.subscribe();
    let behaviour = watched.borrow_and_update().clone();
    if behaviour.delay_ms > 0 {
        sleep(Duration::from_millis(behaviour.delay_ms)).await;
    }
    if behaviour.answer == Answer::Accept || !shared.is_turn_of(behaviour.every) {
        return None;
    }
    match behaviour.answer {
        Answer::Accept | Answer::Refuse => None,
        Answer::Status { code, retry_after_s } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let wait = retry_after_s.map(Duration::from_secs);
            Some(refused(format, status, "the sink was told to refuse", wait))
        }
        Answer::Hang => {
            drop(watched.wait_for(|now| now.answer != Answer::Hang).await);
            None
        }
    }
}

async fn pass_turnstile(shared: &Shared, items: u64) {
    let rate = shared.behaviour.borrow().items_per_second;
    if rate > 0 {
        sleep_until(shared.turnstile.pass(items, rate, Instant::now())).await;
    }
}
