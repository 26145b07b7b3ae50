//! The questions of the analysis over HTTP.

mod parameters;
mod ask;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use store_api::analysis::path as walk;
use store_api::{Analysis, Questions};
use utoipa::OpenApi;

use crate::api::{Api, now_ns, text, unknown_interaction, written};
use crate::error::{ApiError, ErrorBody};
use crate::json::analysis::{
    CallChain, CallPath, CallPercentiles, Changed, Compared, Differs, HopMatrix, Overview, Running,
    StageDetail, Transfers,
};
use crate::query::read;
use crate::query::{self, HopParameters, LIMITS, given, parsed};
pub(crate) use ask::window_of as window;
use parameters::{
    CompareParameters, DiffersParameters, OverviewParameters, PathParameters, PercentileParameters,
    StageParameters, TransferParameters,
};

/// The part of the API's description that is about these.
#[derive(OpenApi)]
#[openapi(
    paths(overview, stage, differs, compare, transfers, path, chain, percentiles, matrix, live),
    components(schemas(Running, Changed))
)]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/api/v1/overview", get(overview))
        .route("/api/v1/stages/{stage}", get(stage))
        .route("/api/v1/stages/{stage}/differs", get(differs))
        .route("/api/v1/compare", get(compare))
        .route("/api/v1/transfers", get(transfers))
        .route("/api/v1/interactions/{id}/path", get(path))
        .route("/api/v1/interactions/{id}/chain", get(chain))
        .route("/api/v1/interactions/{id}/percentiles", get(percentiles))
        .route("/api/v1/hops/matrix", get(matrix))
        .route("/api/v1/live", get(live))
}

/// How the contact centre does: stages, regions, running calls, deployments, service level.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "overview",
    params(OverviewParameters),
    responses(
        (status = 200, body = Overview),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn overview(
    State(api): State<Api>,
    parameters: Result<Query<OverviewParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let question = ask::overview(read(parameters)?, &api.objectives, now)?;
    api.ask(async {
        let found = api.store.overview(question, now).await?;
        written(move || text(&Overview::of(found, now))).await
    })
    .await
}

/// One stage: heat map, percentiles over time, groups, examples.
#[utoipa::path(
    get,
    path = "/api/v1/stages/{stage}",
    tag = "stages",
    params(("stage" = String, Path, description = "setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail or wrapup"), StageParameters),
    responses(
        (status = 200, body = StageDetail),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn stage(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Result<Query<StageParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let (question, objective) = ask::stage(&name, read(parameters)?, &api.objectives, now)?;
    api.ask(async {
        let found = api.store.stage(question.clone()).await?;
        written(move || text(&StageDetail::of(found, &question, objective, now))).await
    })
    .await
}

/// Which attributes differ inside a box of the heat map.
#[utoipa::path(
    get,
    path = "/api/v1/stages/{stage}/differs",
    tag = "stages",
    params(("stage" = String, Path, description = "setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail or wrapup"), DiffersParameters),
    responses(
        (status = 200, body = Differs),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn differs(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Result<Query<DiffersParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let question = ask::differs(&name, read(parameters)?, now)?;
    api.ask(async {
        let found = api.store.differs(question.clone()).await?;
        written(move || text(&Differs::of(found, &question, now))).await
    })
    .await
}

/// B against A: by time, version, region or queue.
#[utoipa::path(
    get,
    path = "/api/v1/compare",
    tag = "compare",
    params(CompareParameters),
    responses(
        (status = 200, body = Compared),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn compare(
    State(api): State<Api>,
    parameters: Result<Query<CompareParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let question = ask::compare(read(parameters)?, now)?;
    api.ask(async {
        let found = api.store.compare(question.clone()).await?;
        written(move || text(&Compared::of(found, &question, now))).await
    })
    .await
}

/// Who is handed over to whom, and what it adds to the wait.
#[utoipa::path(
    get,
    path = "/api/v1/transfers",
    tag = "transfers",
    params(TransferParameters),
    responses(
        (status = 200, body = Transfers),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn transfers(
    State(api): State<Api>,
    parameters: Result<Query<TransferParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let scope = ask::transfers(read(parameters)?, now)?;
    api.ask(async {
        let found = api.store.transfers(scope).await?;
        written(move || text(&Transfers::of(found, now))).await
    })
    .await
}

/// What the caller waited for, moment by moment: the critical path.
#[utoipa::path(
    get,
    path = "/api/v1/interactions/{id}/path",
    tag = "interactions",
    params(("id" = String, Path, description = "`interaction.id`"), PathParameters),
    responses(
        (status = 200, body = CallPath),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 404, description = "No span carries the id", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn path(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Result<Query<PathParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let whole = parsed("whole", given(read(parameters)?.whole))?.unwrap_or(false);
    api.ask(async {
        let found = api.store.interaction(&id, LIMITS).await?.ok_or_else(|| unknown_interaction(&id))?;
        written(move || text(&CallPath::of(id, walk::path(&found, whole, now), now))).await
    })
    .await
}

/// Interactions that links join to this one, both ways; those of spans, and those that were made by hand.
#[utoipa::path(
    get,
    path = "/api/v1/interactions/{id}/chain",
    tag = "interactions",
    params(("id" = String, Path, description = "`interaction.id`")),
    responses(
        (status = 200, body = CallChain),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 404, description = "No span carries the id", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn chain(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let now = now_ns();
    api.ask(async {
        let found = api.store.chain(&id, ask::around(), api.links.by_hand()).await?;
        let (found, links) = (found.ok_or_else(|| unknown_interaction(&id))?, api.links.all());
        written(move || text(&CallChain::of(id, found, &links, now))).await
    })
    .await
}

/// Where each span stands among those of its kind.
#[utoipa::path(
    get,
    path = "/api/v1/interactions/{id}/percentiles",
    tag = "interactions",
    params(("id" = String, Path, description = "`interaction.id`"), PercentileParameters),
    responses(
        (status = 200, body = CallPercentiles),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 404, description = "No span carries the id", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn percentiles(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Result<Query<PercentileParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let question = ask::percentiles(&id, read(parameters)?)?;
    api.ask(async {
        let found = api.store.percentiles(question).await?.ok_or_else(|| unknown_interaction(&id))?;
        written(move || text(&CallPercentiles::of(id, found, now))).await
    })
    .await
}

/// Which service passes contexts to which: sender by receiver.
#[utoipa::path(
    get,
    path = "/api/v1/hops/matrix",
    tag = "hops",
    params(HopParameters),
    responses(
        (status = 200, body = HopMatrix),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn matrix(
    State(api): State<Api>,
    parameters: Result<Query<HopParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let now = now_ns();
    let question = query::hops(read(parameters)?)?;
    api.ask(async {
        let found = api.store.hops(question).await?;
        written(move || text(&HopMatrix::of(found, now))).await
    })
    .await
}

/// Server-Sent Events: `running` (schema `Running`) first and whenever it changes, `interactions` (schema `Changed`) for
/// interactions that are new or have changed, at most one of each in two seconds; a comment every 15 seconds. Who reads too
/// slowly misses events in between, never the last.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "live",
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many readers; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn live(State(api): State<Api>) -> Result<Response, ApiError> {
    api.live.serve()
}
