//! Requests and upgrades.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Shared;
use super::socket::{self, Ear};
use crate::genesys::service::{Answer, Request};

/// Bytes of a request's body.
const MAX_BODY: usize = 1 << 20;
/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let (mut open, places) = (JoinSet::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let shared = shared.clone();
                open.spawn(async move {
                    converse(stream, shared).await;
                    drop(place);
                });
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(receive(shared, request).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // A client that goes away is the client's business.
    drop(server.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
}

async fn receive(shared: Arc<Shared>, mut request: HttpRequest<Incoming>) -> Response<Full<Bytes>> {
    if request.headers().contains_key(SEC_WEBSOCKET_KEY) {
        return upgrade(shared, &mut request);
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body broke off or is above 1 MiB");
    };
    let query = head.uri.query().unwrap_or_default();
    let request = Request::of(head.method.clone(), head.uri.path(), query, head.headers, body.to_bytes());
    let answer = shared.service().answer(&request);
    shared.changed.notify_one();
    if answer.delay_ms > 0 {
        sleep(Duration::from_millis(answer.delay_ms)).await;
    }
    response(answer, head.method == Method::HEAD)
}

fn response(answer: Answer, head_only: bool) -> Response<Full<Bytes>> {
    let body = answer.body.filter(|_| !head_only).map(|body| Bytes::from(body.to_string()));
    let mut response = Response::new(Full::new(body.clone().unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if body.is_some() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// Opens a socket: that of a channel, or that of the pages.
fn upgrade(shared: Arc<Shared>, request: &mut HttpRequest<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let opened = match path.strip_prefix("/channels/") {
        Some(id) => match shared.service().connect(id) {
            Some((generation, frames)) => Ok((Ear::Channel { id: id.to_owned(), generation }, frames)),
            None => Err(plain(StatusCode::NOT_FOUND, "no such channel")),
        },
        None if path == "/api/v2/analytics/conversations/events" => {
            let query = request.uri().query().unwrap_or_default();
            let asked = Request::of(Method::GET, &path, query, request.headers().clone(), Bytes::new());
            match shared.service().open_events(&asked) {
                Ok((number, frames)) => Ok((Ear::Events { number }, frames)),
                Err(refused) => Err(response(refused, false)),
            }
        }
        None => Err(plain(StatusCode::NOT_FOUND, "sockets are at /channels/{id}")),
    };
    let (ear, frames) = match opened {
        Ok(opened) => opened,
        Err(refused) => return refused,
    };
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    let accept = derive_accept_key(key);
    tokio::spawn(socket::run(shared, ear, frames, hyper::upgrade::on(request)));
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}
