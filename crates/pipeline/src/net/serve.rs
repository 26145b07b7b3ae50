//! HTTP servers: HTTP/1.1 and HTTP/2 on one port, with limits on time, heads and connections.

mod settings;
mod site;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use flow::{BuildError, Ctx};
use http::header::{ALLOW, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio_rustls::TlsAcceptor;

pub use settings::{Auth, Cors, HttpServer, Middleware, check_listener, unprotected};
pub use site::Site;

use super::activity::OpenRequest;
use super::endpoint::{bind, is_loopback, split_port};
use super::listener::{Accepted, Listener, drive};
use super::tls::ServerTls;

/// Bytes of a request's head.
pub const HEAD: u32 = 64 << 10;

pub type Answer = Response<Full<Bytes>>;

/// A request with whoever sent it.
pub struct Asked {
    pub request: Request<Incoming>,
    pub peer: SocketAddr,
    pub open: OpenRequest,
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
    Ok(Listener::start(tcp, tls, settings.patience(), move |accepted| {
        let (answer, builder, headers) = (answer.clone(), Arc::clone(&builder), Arc::clone(&headers));
        let Accepted { stream, peer, activity } = accepted;
        async move {
            let service = service_fn(|request| {
                let answer = answer(Asked { request, peer, open: activity.request() });
                let headers = Arc::clone(&headers);
                async move {
                    let mut answer = answer.await;
                    answer.headers_mut().extend(headers.iter().cloned());
                    Ok::<_, Infallible>(answer)
                }
            });
            drive(builder.serve_connection(TokioIo::new(stream), service), &activity, peer).await;
        }
    }))
}

/// Listens and answers GET with what `page` makes of a path.
///
/// On a loopback address only requests for a loopback name are answered: a browser sends those of any page whose
/// name its owner has pointed there.
pub async fn serve_pages<P>(
    ctx: &Ctx,
    endpoint: &str,
    settings: &HttpServer,
    page: P,
) -> Result<Listener, BuildError>
where
    P: Fn(&str) -> Answer + Send + Sync + 'static,
{
    let page = Arc::new(page);
    let local = split_port(endpoint).is_some_and(|(host, _)| is_loopback(host));
    serve(ctx, endpoint, settings, move |asked| {
        let request = asked.request;
        std::future::ready(match *request.method() {
            Method::GET | Method::HEAD if local && !names_loopback(&request) => {
                text(StatusCode::FORBIDDEN, "ask for localhost, or set an `endpoint` that others may reach\n")
            }
            Method::GET | Method::HEAD => page(request.uri().path()),
            _ => {
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
        })
    })
    .await
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
) -> Result<Option<TlsAcceptor>, BuildError> {
    let Some(tls) = tls else { return Ok(None) };
    let mut config = tls.server_config().map_err(|error| BuildError::new(&ctx.id, error.to_string()))?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
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
