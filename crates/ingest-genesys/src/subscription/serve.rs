//! Where callers ask: `POST /subscriptions`, `GET /subscriptions`, `DELETE /subscriptions/{id}`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::Ctx;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use prometheus::IntCounterVec;
use throughline_context::w3c::TRACEPARENT;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::asking::{Asking, Reply, What};
use super::settings::Subscribe;
use super::wish;
use crate::door::{self, Answer, Answers, Lock};

/// Bytes of a request's body.
const LIMIT: usize = 64 << 10;
const BODY: Duration = Duration::from_secs(5);
/// The task answers before that.
const ANSWER: Duration = Duration::from_secs(6);
/// Requests that wait for the task.
const WAITING: usize = 64;

/// A listener that is bound, and what it needs.
pub(crate) struct Counter {
    address: SocketAddr,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    intake: Intake,
}

struct Intake {
    receiver: Arc<str>,
    lock: Option<Lock>,
    asks: mpsc::Sender<Asking>,
    requests: IntCounterVec,
}

impl Counter {
    /// Binds; what is asked comes out at the other end.
    pub(crate) async fn open(
        subscribe: &Subscribe,
        ctx: &Ctx,
    ) -> Result<(Self, mpsc::Receiver<Asking>), String> {
        let lock = subscribe.auth.as_ref().map(|auth| Lock::of(auth, "subscriptions")).transpose()?;
        let tls = subscribe.tls.as_ref().map(door::config).transpose()?.map(TlsAcceptor::from);
        let listener = door::bind(&subscribe.endpoint).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        tracing::info!(receiver = %ctx.id, %address, "listening for subscriptions");
        let (asks, asked) = mpsc::channel(WAITING);
        let help = "Requests for subscriptions by what they were answered.";
        let labels = ["receiver", "status"];
        let requests = ctx.telemetry.counter("throughline_genesys_subscribe_requests", help, &labels);
        let intake = Intake { receiver: Arc::clone(&ctx.id), lock, asks, requests };
        Ok((Self { address, listener, tls, intake }, asked))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn serve(self, stopped: oneshot::Receiver<()>) {
        door::serve(self.listener, self.tls, Arc::new(self.intake), stopped).await;
    }
}

impl Answers for Intake {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let reply = match self.what(request).await {
            Ok(what) => self.ask(what).await,
            Err(reply) => reply,
        };
        self.requests.with_label_values(&[&*self.receiver, reply.status.as_str()]).inc();
        let mut answer = Response::new(Full::new(Bytes::from(reply.body.to_string())));
        *answer.status_mut() = reply.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match reply.status {
            StatusCode::UNAUTHORIZED => {
                let challenge = self.lock.as_ref().map(|lock| lock.challenge.clone());
                challenge.into_iter().for_each(|challenge| {
                    headers.insert(WWW_AUTHENTICATE, challenge);
                });
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        answer
    }
}

impl Intake {
    async fn what(&self, request: Request<Incoming>) -> Result<What, Reply> {
        let (head, body) = request.into_parts();
        self.may(&head)?;
        let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
        match (&head.method, path.as_slice()) {
            (&Method::GET, ["subscriptions"]) => Ok(What::List),
            (&Method::DELETE, ["subscriptions", number]) => number.parse().map(What::Cancel).map_err(|_| {
                let why = "a subscription has a number";
                Reply::error(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    why,
                    "GET /subscriptions lists those there are",
                )
            }),
            (&Method::POST, ["subscriptions"]) => subscribe(&head.headers, body).await,
            (_, ["subscriptions", ..]) => {
                let help = "POST subscribes, GET lists, DELETE /subscriptions/{id} ends one";
                Err(Reply::error(StatusCode::METHOD_NOT_ALLOWED, "method", "not with this method", help))
            }
            _ => {
                let help = "ask at /subscriptions";
                Err(Reply::error(StatusCode::NOT_FOUND, "not_found", "nothing is here", help))
            }
        }
    }

    /// Where there is no secret, a page in a browser must not get in by a name that leads here.
    fn may(&self, head: &Parts) -> Result<(), Reply> {
        match &self.lock {
            Some(lock) if !lock.opens(&head.headers) => {
                let help = "send the secret of `subscribe.auth`";
                Err(Reply::error(StatusCode::UNAUTHORIZED, "unauthorized", "who asks is not known", help))
            }
            None if !names_this_machine(&head.headers) => {
                let help = "ask 127.0.0.1 or localhost, or set `subscribe.auth`";
                let why = "without `auth` only this machine may ask, by its own name";
                Err(Reply::error(StatusCode::FORBIDDEN, "host", why, help))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn ask(&self, what: What) -> Reply {
        let (answer, answered) = oneshot::channel();
        let down = || {
            let help = "ask again in a second";
            Reply::error(StatusCode::SERVICE_UNAVAILABLE, "busy", "nobody takes subscriptions now", help)
        };
        if self.asks.try_send(Asking { what, answer }).is_err() {
            return down();
        }
        match timeout(ANSWER, answered).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) | Err(_) => down(),
        }
    }
}

async fn subscribe(headers: &HeaderMap, body: Incoming) -> Result<What, Reply> {
    let wrong = |status, why: &str| Reply::error(status, "bad_request", why, HELP);
    // A page in a browser cannot send this to another site without asking first.
    if !door::is_json(headers) || headers.contains_key(CONTENT_ENCODING) {
        let why = "send application/json without a content coding";
        return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let read = timeout(BODY, Limited::new(body, LIMIT).collect()).await;
    let read = read.map_err(|_| wrong(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?;
    let bytes = read.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
        true => wrong(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB"),
        false => wrong(StatusCode::BAD_REQUEST, "the body broke off"),
    })?;
    let mut parents = headers.get_all(TRACEPARENT).iter();
    // Two of them are none.
    let header = parents.next().filter(|_| parents.next().is_none()).and_then(|value| value.to_str().ok());
    let asked = wish::Request::read(&bytes.to_bytes()).and_then(|request| request.wishes(header));
    asked.map(What::Subscribe).map_err(|why| wrong(StatusCode::BAD_REQUEST, &why.to_string()))
}

const HELP: &str = r#"send {"conversations": ["<id>"]} or {"topics": ["v2..."]}, with the trace context in the header or the member `traceparent`"#;

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    flow::config::is_loopback(bare)
}
