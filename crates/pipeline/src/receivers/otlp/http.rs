//! OTLP/HTTP: protobuf and JSON bodies by POST.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::{BuildError, Fault, Refusal, Signal};
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio_rustls::TlsAcceptor;

use super::body::{self, READ_TIMEOUT, Unread};
use super::cors;
use super::intake::{Body, Format, Intake, whole_seconds};
use super::listener::{self, Listener, Stopping, Stream, stopped};
use super::settings::{Cors, Http};
use crate::net::coding::Coding;
use crate::net::status::{Status, http_status};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const METHODS: &str = "405 method not allowed, supported: [POST]";
const MEDIA_TYPES: &str = "415 unsupported media type, supported: [application/json, application/x-protobuf]";

/// Binds and serves.
pub(super) async fn serve(
    component: &str,
    settings: &Http,
    intake: Arc<Intake>,
) -> Result<Listener, BuildError> {
    let tls = match &settings.tls {
        Some(tls) => {
            let mut config =
                tls.server_config().map_err(|error| BuildError::new(component, error.to_string()))?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        None => None,
    };
    let tcp = listener::bind(component, &settings.endpoint).await?;
    let door = Arc::new(Door::new(settings, intake));
    let builder = Arc::new(builder(settings));
    Ok(Listener::start(tcp, tls, move |stream, peer, stopping| {
        connection(Arc::clone(&builder), stream, peer, Arc::clone(&door), stopping)
    }))
}

fn builder(settings: &Http) -> auto::Builder<TokioExecutor> {
    let or = |set: Duration, default| if set.is_zero() { default } else { set };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .keep_alive(settings.keep_alives_enabled)
        .header_read_timeout(or(settings.read_header_timeout.get(), Duration::from_secs(30)))
        .max_buf_size(64 << 10);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(64 << 10);
    builder
}

async fn connection(
    builder: Arc<auto::Builder<TokioExecutor>>,
    stream: Stream,
    peer: SocketAddr,
    door: Arc<Door>,
    mut stopping: Stopping,
) {
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request, peer).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, error, "connection ended");
    }
}

/// Everything that an answer depends on besides the request.
struct Door {
    intake: Arc<Intake>,
    paths: [(Signal, String); 3],
    codings: Vec<Coding>,
    limit: usize,
    read_timeout: Duration,
    cors: Option<Cors>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Door {
    fn new(settings: &Http, intake: Arc<Intake>) -> Self {
        let headers = settings.response_headers.iter();
        Self {
            intake,
            paths: [
                (Signal::Traces, settings.traces_url_path.clone()),
                (Signal::Metrics, settings.metrics_url_path.clone()),
                (Signal::Logs, settings.logs_url_path.clone()),
            ],
            codings: settings
                .compression_algorithms
                .iter()
                .filter_map(|name| Coding::from_name(name))
                .collect(),
            limit: settings.max_request_body_size,
            read_timeout: match settings.read_timeout.get() {
                Duration::ZERO => READ_TIMEOUT,
                set => set,
            },
            cors: settings.cors.clone().filter(|cors| !cors.allowed_origins.is_empty()),
            headers: headers
                .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
                .collect(),
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let mut cross_origin = HeaderMap::new();
        if let Some(cors) = &self.cors {
            let allowed = cors::allow(cors, request.headers(), &mut cross_origin);
            if cors::is_preflight(&request) {
                if allowed {
                    cors::preflight(cors, request.headers(), &mut cross_origin);
                }
                return self.finish(empty(StatusCode::NO_CONTENT), cross_origin);
            }
        }
        let answer = self.post(request, peer).await;
        if !answer.status().is_success() {
            self.intake.count_refused_request();
        }
        self.finish(answer, cross_origin)
    }

    fn finish(&self, mut answer: Response<Full<Bytes>>, cross_origin: HeaderMap) -> Response<Full<Bytes>> {
        answer.headers_mut().extend(cross_origin);
        answer.headers_mut().extend(self.headers.iter().cloned());
        answer
    }

    async fn post(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let signal = self.paths.iter().find(|(_, known)| known == path).map(|(signal, _)| *signal);
        let Some(signal) = signal.filter(|signal| self.intake.takes(*signal)) else {
            return text(StatusCode::NOT_FOUND, "404 page not found");
        };
        if request.method() != Method::POST {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, METHODS);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        let Some(format) = format(request.headers()) else {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, MEDIA_TYPES);
        };
        match self.take(request, signal, format, peer).await {
            Ok(()) => success(format),
            Err(Unread::Refused(refusal)) => refused(&refusal, format),
            Err(Unread::Slow(limit)) => {
                let why = format!(
                    "the body did not arrive within {limit:?}; the receiver's read_timeout sets this"
                );
                let mut answer = refused(&Refusal::caller(why), format);
                *answer.status_mut() = StatusCode::REQUEST_TIMEOUT;
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                answer
            }
            Err(Unread::Broken) => refused(&Refusal::caller("the body broke off"), format),
        }
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        signal: Signal,
        format: Format,
        peer: SocketAddr,
    ) -> Result<(), Unread> {
        let coding = self.coding(request.headers())?;
        let client = self.intake.client(peer, request.headers());
        let (bytes, hold) =
            body::read(request.into_body(), signal, self.limit, self.read_timeout, &self.intake).await?;
        let body = Body { bytes, coding, format, limit: self.limit, hold };
        Ok(self.intake.take(signal, body, client).await?)
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

fn success(format: Format) -> Response<Full<Bytes>> {
    match format {
        Format::Protobuf => typed(StatusCode::OK, PROTOBUF, Bytes::new()),
        Format::Json => typed(StatusCode::OK, JSON, Bytes::from_static(br#"{"partialSuccess":{}}"#)),
    }
}

fn refused(refusal: &Refusal, format: Format) -> Response<Full<Bytes>> {
    let status =
        StatusCode::from_u16(http_status(refusal.fault)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Status::from(refusal);
    let mut answer = match format {
        Format::Protobuf => typed(status, PROTOBUF, body.to_proto().into()),
        Format::Json => typed(status, JSON, body.to_json().into()),
    };
    if let Some(delay) = refusal.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    if refusal.fault == Fault::TooLarge {
        // The rest of the body is not worth reading.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    typed(status, "text/plain", Bytes::from_static(body.as_bytes()))
}

fn typed(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = status;
    answer
}
