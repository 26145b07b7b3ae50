//! OTLP/HTTP: protobuf and JSON bodies by POST.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::{BuildError, Ctx, Refusal, Signal};
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use hyper::body::Incoming;

use super::body::{self, READ_TIMEOUT, Unread};
use super::cors;
use super::intake::{Body, Format, Intake};
use super::settings::Http;
use crate::net::coding::Coding;
use crate::net::gate::Admitted;
use crate::net::listener::Listener;
use crate::net::serve::{self, Answer, Asked, Cors, is_preflight, typed, whole_seconds};
use crate::net::status::{Code, Status, http_status};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const METHODS: &str = "405 method not allowed, supported: [POST]";
const MEDIA_TYPES: &str = "415 unsupported media type, supported: [application/json, application/x-protobuf]";

/// Binds and serves.
pub(super) async fn serve(ctx: &Ctx, settings: &Http, intake: Arc<Intake>) -> Result<Listener, BuildError> {
    let Http(server, paths) = settings;
    let door = Arc::new(Door::new(settings, intake));
    serve::serve(ctx, &paths.endpoint, server, move |asked| {
        let door = Arc::clone(&door);
        async move { door.answer(asked).await }
    })
    .await
}

/// Everything that an answer depends on besides the request.
struct Door {
    intake: Arc<Intake>,
    paths: [(Signal, String); 3],
    codings: Vec<Coding>,
    limit: usize,
    read_timeout: Duration,
    cors: Option<Cors>,
}

impl Door {
    fn new(Http(server, paths): &Http, intake: Arc<Intake>) -> Self {
        let path = |path: &str| format!("/{}", path.strip_prefix('/').unwrap_or(path));
        Self {
            intake,
            paths: [
                (Signal::Traces, path(&paths.traces_url_path)),
                (Signal::Metrics, path(&paths.metrics_url_path)),
                (Signal::Logs, path(&paths.logs_url_path)),
            ],
            codings: server.codings(),
            limit: server.body_limit(),
            read_timeout: match server.read_timeout.get() {
                Duration::ZERO => READ_TIMEOUT,
                set => set,
            },
            cors: server.cors.clone().filter(|cors| !cors.allowed_origins.is_empty()),
        }
    }

    async fn answer(&self, Asked { request, peer, mut open, admitted }: Asked) -> Answer {
        let mut cross_origin = HeaderMap::new();
        if let Some(cors) = &self.cors {
            let allowed = cors::allow(cors, request.headers(), &mut cross_origin);
            if is_preflight(&request) {
                if allowed {
                    cors::preflight(cors, request.headers(), &mut cross_origin);
                }
                let mut answer = Answer::default();
                *answer.status_mut() = StatusCode::NO_CONTENT;
                answer.headers_mut().extend(cross_origin);
                return answer;
            }
        }
        let (head, mut body) = request.into_parts();
        let mut answer = self.post(&head, &mut body, peer, admitted).await;
        if !answer.status().is_success() {
            self.intake.count_refused_request();
            open.unread = !body::discard(body, &head).await;
            if open.unread && head.version < Version::HTTP_2 {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        answer.headers_mut().extend(cross_origin);
        answer
    }

    async fn post(&self, head: &Parts, body: &mut Incoming, peer: SocketAddr, admitted: Admitted) -> Answer {
        let path = head.uri.path();
        let signal = self.paths.iter().find(|(_, known)| known == path).map(|(signal, _)| *signal);
        let Some(signal) = signal.filter(|signal| self.intake.takes(*signal)) else {
            return text(StatusCode::NOT_FOUND, "404 page not found");
        };
        if head.method != Method::POST {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, METHODS);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        let Some(format) = format(&head.headers) else {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, MEDIA_TYPES);
        };
        match self.take(&head.headers, body, (signal, format), peer, admitted).await {
            Ok(()) => success(format),
            Err(Unread::Refused(refusal)) => refused(&refusal, format),
            Err(Unread::Slow(limit)) => slow(limit, format),
            Err(Unread::Broken) => refused(&Refusal::caller("the body broke off"), format),
        }
    }

    async fn take(
        &self,
        headers: &HeaderMap,
        body: &mut Incoming,
        (signal, format): (Signal, Format),
        peer: SocketAddr,
        mut admitted: Admitted,
    ) -> Result<(), Unread> {
        let coding = self.coding(headers)?;
        let limits = body::Limits { signal, bytes: self.limit, within: self.read_timeout };
        let (bytes, hold) = body::read(body, &limits, &self.intake, |_| Ok(None)).await?;
        let body = Body { bytes, coding, format, limit: self.limit, hold };
        let client = self.intake.client(peer, headers, std::mem::take(&mut admitted.identity));
        Ok(self.intake.take(signal, body, Arc::new(client), &admitted).await?)
    }

    fn coding(&self, headers: &HeaderMap) -> Result<Coding, Refusal> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Coding::Identity) };
        let name = value.to_str().unwrap_or("?");
        Coding::from_name(name)
            .filter(|coding| *coding == Coding::Identity || self.codings.contains(coding))
            .ok_or_else(|| Refusal::caller(format!("unsupported Content-Encoding: {name}")))
    }
}

/// By the media type alone; parameters such as `charset` do not matter.
fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(PROTOBUF) {
        Some(Format::Protobuf)
    } else if media_type.eq_ignore_ascii_case(JSON) {
        Some(Format::Json)
    } else {
        None
    }
}

fn success(format: Format) -> Answer {
    match format {
        Format::Protobuf => typed(StatusCode::OK, PROTOBUF, Bytes::new()),
        Format::Json => typed(StatusCode::OK, JSON, Bytes::from_static(br#"{"partialSuccess":{}}"#)),
    }
}

fn refused(refusal: &Refusal, format: Format) -> Answer {
    let status =
        StatusCode::from_u16(http_status(refusal.fault)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = failed(status, &Status::from(refusal), format);
    if let Some(delay) = refusal.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    answer
}

fn slow(limit: Duration, format: Format) -> Answer {
    let why = format!("the body did not arrive within {limit:?}; the receiver's `read_timeout` sets this");
    failed(StatusCode::REQUEST_TIMEOUT, &Status::new(Code::DeadlineExceeded, why), format)
}

fn failed(status: StatusCode, body: &Status, format: Format) -> Answer {
    match format {
        Format::Protobuf => typed(status, PROTOBUF, body.to_proto()),
        Format::Json => typed(status, JSON, body.to_json()),
    }
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    typed(status, "text/plain", body)
}
