//! How this process does, over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use store_api::analysis::Scope;
use store_api::{Analysis, Range};
use utoipa::OpenApi;

use crate::api::{Api, now_ns, text, written};
use crate::error::{ApiError, ErrorBody};
use crate::json::status::{Clocks, Process};
use crate::query::LIMITS;

const HOUR_NS: u64 = 3_600_000_000_000;
/// Clocks do not need every span.
const CLOCK_SPANS: usize = 50_000;

#[derive(OpenApi)]
#[openapi(paths(status, clocks))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/api/v1/status", get(status)).route("/api/v1/status/clocks", get(clocks))
}

/// What runs: pipelines with an account of every item, queues, memory, and what is kept. Ask again for rates.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "status",
    responses(
        (status = 200, body = Process),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn status(State(api): State<Api>) -> Result<Response, ApiError> {
    let now = now_ns();
    let (kept, process) = (Arc::clone(&api.kept), api.process.clone());
    api.ask(async {
        // Counting files waits for the disk.
        written(move || text(&Process::of(kept.now(), process.map(|status| status.live()), now))).await
    })
    .await
}

/// Whose clocks differ, by what calls of the last hour and the work that they asked for say of each other.
#[utoipa::path(
    get,
    path = "/api/v1/status/clocks",
    tag = "status",
    responses(
        (status = 200, body = Clocks),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn clocks(State(api): State<Api>) -> Result<Response, ApiError> {
    let now = now_ns();
    let range = Range { from: now.saturating_sub(HOUR_NS), to: now };
    let scope = Scope { range, spans: CLOCK_SPANS, limits: LIMITS, ..Scope::default() };
    api.ask(async {
        let found = api.store.skews(scope).await?;
        written(move || text(&Clocks::of(found, now))).await
    })
    .await
}
