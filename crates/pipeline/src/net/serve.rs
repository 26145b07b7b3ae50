//! HTTP servers: HTTP/1.1 and HTTP/2 on one port, with limits on time, heads and connections.

mod settings;
mod site;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::config::{is_loopback, split_port};
use flow::{BuildError, Ctx};
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;

pub use settings::{Auth, Cors, HttpServer, Middleware, check_listener};
pub use site::Site;

use super::activity::OpenRequest;
use super::endpoint::bind;
use super::gate::{Admitted, Gate, TurnedAway};
use super::listener::{Accepted, Listener, drive};
use super::status::http_status;
use super::tls::{Acceptor, ServerTls};

/// Bytes of a request's head.
pub const HEAD: u32 = 64 << 10;

pub type Answer = Response<Full<Bytes>>;

/// A request with whoever sent it.
pub struct Asked {
    pub request: Request<Incoming>,
    pub peer: SocketAddr,
    pub open: OpenRequest,
    pub admitted: Admitted,
}

/// Listens and answers.
pub async fn serve<A, F>(
    ctx: &Ctx,
    endpoint: &str,
    settings: &HttpServer,
    answer: A,
) -> Result<Listener, BuildError>
where
    A: Fn(Asked) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let tls = acceptor(ctx, settings.tls.as_ref(), &[b"h2", b"http/1.1"])?;
    let tcp = bind(ctx, "http", endpoint).await?;
    let builder = Arc::new(builder(settings));
    let headers: Arc<[_]> = settings.headers().into();
    let gate = Gate::new(ctx, settings.auth.as_ref(), &settings.middlewares)?;
    Ok(Listener::start(tcp, tls, settings.patience(), move |accepted| {
        let (answer, builder, headers) = (answer.clone(), Arc::clone(&builder), Arc::clone(&headers));
        let gate = gate.clone();
        let Accepted { stream, peer, activity } = accepted;
        async move {
            let service = service_fn(|request| {
                let (answer, gate, headers) = (answer.clone(), gate.clone(), Arc::clone(&headers));
                let mut open = activity.request();
                async move {
                    let admitted = match is_preflight(&request) {
                        true => Ok(Admitted::default()),
                        false => gate.admit(request.uri(), request.headers(), peer).await,
                    };
                    let mut answer = match admitted {
                        Ok(admitted) => answer(Asked { request, peer, open, admitted }).await,
                        Err(away) => {
                            open.unread = !request.body().is_end_stream();
                            drop(open);
                            turned_away(&away, request.version())
                        }
                    };
                    answer.headers_mut().extend(headers.iter().cloned());
                    Ok::<_, Infallible>(answer)
                }
            });
            drive(builder.serve_connection(TokioIo::new(stream), service), &activity, peer).await;
        }
    }))
}

/// Listens and answers GET with what `page` makes of a path and the request's headers.
pub async fn serve_requests<P>(
    ctx: &Ctx,
    endpoint: &str,
    settings: &HttpServer,
    page: P,
) -> Result<Listener, BuildError>
where
    P: Fn(&str, &HeaderMap) -> Answer + Send + Sync + 'static,
{
    let answer = move |head: Parts| std::future::ready(page(head.uri.path(), &head.headers));
    serve_heads(ctx, endpoint, settings, answer).await
}

/// Listens and answers GET with what `answer` makes of a request's head, however long that takes: who goes away ends it.
///
/// On a loopback address only requests for a loopback name are answered: a browser sends those of any page whose
/// name its owner has pointed there.
pub async fn serve_heads<A, F>(
    ctx: &Ctx,
    endpoint: &str,
    settings: &HttpServer,
    answer: A,
) -> Result<Listener, BuildError>
where
    A: Fn(Parts) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let answer = Arc::new(answer);
    let local = split_port(endpoint).is_some_and(|(host, _)| is_loopback(host));
    serve(ctx, endpoint, settings, move |asked| {
        let Asked { request, open, .. } = asked;
        let answer = Arc::clone(&answer);
        async move {
            let answered = match *request.method() {
                Method::GET | Method::HEAD if local && !names_loopback(&request) => text(
                    StatusCode::FORBIDDEN,
                    "ask for localhost, or set an `endpoint` that others may reach\n",
                ),
                Method::GET | Method::HEAD => answer(request.into_parts().0).await,
                _ => {
                    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
                    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                    answer
                }
            };
            drop(open);
            answered
        }
    })
    .await
}

/// Browsers ask whether they may ask, and send no credentials with that (Fetch, "CORS-preflight request").
pub fn is_preflight<B>(request: &Request<B>) -> bool {
    *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn turned_away(away: &TurnedAway, version: Version) -> Answer {
    let status = StatusCode::from_u16(http_status(away.refusal.fault)).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut answer = text(status, away.refusal.why.clone());
    let headers = answer.headers_mut();
    if let Some(challenge) = away.challenge.filter(|_| status == StatusCode::UNAUTHORIZED) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(delay) = away.refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    if version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Seconds as a `Retry-After` header says them: rounded up, at least one.
pub fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0)).max(1)
}

fn names_loopback(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = host.as_ref().or(request.uri().authority()).map_or("", Authority::host);
    is_loopback(host.trim_start_matches('[').trim_end_matches(']'))
}

/// What a listener secures its connections with.
pub fn acceptor(
    ctx: &Ctx,
    tls: Option<&ServerTls>,
    protocols: &[&[u8]],
) -> Result<Option<Acceptor>, BuildError> {
    let made = tls.map(|tls| Acceptor::new(tls, protocols)).transpose();
    made.map_err(|error| BuildError::new(&ctx.id, error.to_string()))
}

pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body)
}

pub fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

fn builder(settings: &HttpServer) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .keep_alive(settings.keep_alives_enabled)
        // The listener watches over the time; this limit would count the rest between two requests too.
        .header_read_timeout(None)
        .max_buf_size(HEAD as usize);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEAD);
    builder
}
