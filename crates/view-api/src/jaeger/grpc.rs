//! `jaeger.api_v2.QueryService` and `jaeger.api_v3.QueryService`: unary questions, answers in one message or several.

mod message;
mod read;
mod lists;
mod model;
mod v2;
mod v3;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use store_api::Span;

use self::message::{Messages, framed, refused};
use crate::api::Api;
use crate::error::ApiError;

/// Bytes of a question.
const LARGEST: usize = 64 << 10;
/// For a question to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Compressed flag and length.
const PREFIX: usize = 5;
/// Estimated bytes of spans in one message: clients take 4 MiB unless told otherwise.
const PORTION: usize = 1 << 20;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/jaeger.api_v2.QueryService/{method}", post(second))
        .route("/jaeger.api_v3.QueryService/{method}", post(third))
}

async fn second(State(api): State<Api>, Path(method): Path<String>, request: Request) -> Response {
    let answer = async { v2::answer(&api, &method, &question(request).await?).await };
    answer.await.unwrap_or_else(|wrong| refused(&wrong))
}

async fn third(State(api): State<Api>, Path(method): Path<String>, request: Request) -> Response {
    let answer = async { v3::answer(&api, &method, &question(request).await?).await };
    answer.await.unwrap_or_else(|wrong| refused(&wrong))
}

/// What went wrong, by the codes of gRPC.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    code: u16,
    message: String,
}

impl Wrong {
    fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    fn unimplemented(method: &str) -> Self {
        Self::new(12, format!("there is no method `{method}` here"))
    }
}

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        let code = match error.status() {
            StatusCode::BAD_REQUEST => 3,
            StatusCode::NOT_FOUND => 5,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            _ => 13,
        };
        Self::new(code, error.sentence())
    }
}

/// The one message of a request.
async fn question(request: Request) -> Result<Bytes, Wrong> {
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !matches!(kind.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..])) {
        return Err(Wrong::invalid("the content type is not application/grpc"));
    }
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(request.into_body(), LARGEST)).await;
    let read = read.map_err(|_| Wrong::new(4, "the question did not arrive in time"))?;
    let bytes = read.map_err(|_| Wrong::new(8, format!("a question of at most {LARGEST} bytes is read")))?;
    let broken = || Wrong::invalid("one message is wanted, whole and by itself");
    let [compressed, len @ ..] = bytes.first_chunk::<PREFIX>().ok_or_else(broken)?;
    let message = bytes.slice(PREFIX..);
    if u32::from_be_bytes(*len) as usize != message.len() {
        return Err(broken());
    }
    match compressed {
        0 => Ok(message),
        _ => Err(Wrong::new(12, "compressed questions are not read; send them as they are")),
    }
}

/// Asks, and frames what comes.
async fn ask(
    api: &Api,
    messages: impl Future<Output = Result<Messages, ApiError>>,
) -> Result<Response, Wrong> {
    ask_much(api, async { messages.await.map(|messages| move || messages) }).await
}

/// Asks, and takes its time to write what comes.
async fn ask_much<W>(api: &Api, write: impl Future<Output = Result<W, ApiError>>) -> Result<Response, Wrong>
where
    W: FnOnce() -> Messages + Send + 'static,
{
    let asked = api.ask(async {
        let write = write.await?;
        let framed = tokio::task::spawn_blocking(move || framed(write())).await;
        framed.map_err(|error| ApiError::internal(error.to_string()))
    });
    Ok(asked.await?)
}

/// Spans in portions that fit into a message each; at least one.
fn portions<S: AsRef<Span>>(spans: &[S]) -> Vec<&[S]> {
    let mut portions = Vec::new();
    let mut rest = spans;
    loop {
        let mut bytes = 0;
        let fit = rest.iter().take_while(|span| {
            let resource = &span.as_ref().resource;
            bytes += span.as_ref().weight() + resource.attributes().heap();
            bytes <= PORTION
        });
        let (some, later) = rest.split_at(fit.count().max(1).min(rest.len()));
        portions.push(some);
        rest = later;
        if rest.is_empty() {
            return portions;
        }
    }
}
