//! `jaeger.api_v2.QueryService` and `jaeger.api_v3.QueryService`: unary questions, answers in one message or several.

mod read;
mod lists;
mod model;
mod v2;
mod v3;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;
use store_api::Span;

use crate::api::Api;
use crate::error::ApiError;
use crate::grpc::{Messages, Wrong, framed, question, refused};

/// Bytes of a question.
const LARGEST: usize = 64 << 10;
/// Estimated bytes of spans in one message: clients take 4 MiB unless told otherwise.
const PORTION: usize = 1 << 20;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/jaeger.api_v2.QueryService/{method}", post(second))
        .route("/jaeger.api_v3.QueryService/{method}", post(third))
}

async fn second(State(api): State<Api>, Path(method): Path<String>, request: Request) -> Response {
    let answer = async { v2::answer(&api, &method, &question(request, LARGEST).await?).await };
    answer.await.unwrap_or_else(|wrong| refused(&wrong))
}

async fn third(State(api): State<Api>, Path(method): Path<String>, request: Request) -> Response {
    let answer = async { v3::answer(&api, &method, &question(request, LARGEST).await?).await };
    answer.await.unwrap_or_else(|wrong| refused(&wrong))
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
