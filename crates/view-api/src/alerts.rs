//! Alerts over HTTP: rules, how they stand, what they would have done, and who is told.

use std::sync::Arc;

use ::alerts::{Failed, Phase, Preview, Spec, Told, Watched};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::analysis::window;
use crate::api::{Api, now_ns, text, written};
use crate::error::{ApiError, ErrorBody};
use crate::json::Ns;
use crate::query::read;

/// Bytes of a rule.
const LONGEST: usize = 64 << 10;
const WEEK_NS: u64 = 7 * 24 * 3_600_000_000_000;

#[derive(OpenApi)]
#[openapi(paths(list, create, one, change, delete, preview, test))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/api/v1/alerts", get(list).post(create))
        .route("/api/v1/alerts/preview", post(preview))
        .route("/api/v1/alerts/receivers/{name}/test", post(test))
        .route("/api/v1/alerts/{id}", get(one).put(change).delete(delete))
        .layer(DefaultBodyLimit::max(LONGEST))
}

/// All rules, in the order in which they were made.
#[derive(Serialize, ToSchema)]
struct Rules {
    as_of: Ns,
    /// How many fire.
    firing: usize,
    /// Rules outlive the process. Without a directory for the store they do not.
    kept: bool,
    rules: Vec<Watched>,
    /// Those of the configuration, by name.
    receivers: Vec<Told>,
}

/// Which time a preview looks at.
#[derive(Deserialize, utoipa::IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewParameters {
    /// RFC 3339, or nanoseconds since 1970. A week before `to` if absent.
    #[param(example = "2026-11-13T09:00:00Z")]
    from: Option<String>,
    /// Now if absent.
    to: Option<String>,
}

/// All rules with their states, and the receivers.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "alerts",
    responses((status = 200, body = Rules))
)]
pub(crate) async fn list(State(api): State<Api>) -> Result<Response, ApiError> {
    let rules = api.alerts.list().await;
    let firing = rules.iter().filter(|watched| watched.standing.phase == Phase::Firing).count();
    let receivers = api.alerts.receivers().await;
    let kept = api.alerts.is_kept();
    let answer = Rules { as_of: Ns(now_ns()), firing, kept, rules, receivers };
    written(move || text(&answer)).await
}

/// A new rule.
#[utoipa::path(
    post,
    path = "/api/v1/alerts",
    tag = "alerts",
    request_body = Spec,
    responses(
        (status = 201, body = Watched),
        (status = 400, description = "The rule cannot be read, or makes no sense; the message names the field", body = ErrorBody),
        (status = 422, description = "There are too many rules", body = ErrorBody),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    spec: Result<Json<Spec>, JsonRejection>,
) -> Result<Response, ApiError> {
    let made = api.alerts.create(body(spec)?, now_ns()).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// One rule with what happened.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    tag = "alerts",
    params(("id" = String, Path, description = "`rule.id`")),
    responses((status = 200, body = Watched), (status = 404, description = "No such rule", body = ErrorBody))
)]
pub(crate) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let found = api.alerts.get(&id).await?;
    written(move || text(&found)).await
}

/// Another text for a rule. Where it watches something else than before, its state begins anew, and what fired is told as
/// resolved.
#[utoipa::path(
    put,
    path = "/api/v1/alerts/{id}",
    tag = "alerts",
    params(("id" = String, Path, description = "`rule.id`")),
    request_body = Spec,
    responses(
        (status = 200, body = Watched),
        (status = 400, description = "As for a new rule", body = ErrorBody),
        (status = 404, description = "No such rule", body = ErrorBody),
    )
)]
pub(crate) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    spec: Result<Json<Spec>, JsonRejection>,
) -> Result<Response, ApiError> {
    Ok(Json(api.alerts.change(&id, body(spec)?, now_ns()).await?).into_response())
}

/// Ends a rule. What fired is told as resolved.
#[utoipa::path(
    delete,
    path = "/api/v1/alerts/{id}",
    tag = "alerts",
    params(("id" = String, Path, description = "`rule.id`")),
    responses((status = 204, description = "Gone"), (status = 404, description = "No such rule", body = ErrorBody))
)]
pub(crate) async fn delete(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    api.alerts.delete(&id, now_ns()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a rule would have done; nothing is kept.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/preview",
    tag = "alerts",
    params(PreviewParameters),
    request_body = Spec,
    responses(
        (status = 200, body = Preview),
        (status = 400, description = "As for a new rule, or a range that is empty or longer than 31 days", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn preview(
    State(api): State<Api>,
    parameters: Result<Query<PreviewParameters>, QueryRejection>,
    spec: Result<Json<Spec>, JsonRejection>,
) -> Result<Response, ApiError> {
    let parameters = read(parameters)?;
    let range = window(parameters.from, parameters.to, now_ns(), WEEK_NS)?;
    let spec = body(spec)?;
    api.ask(async {
        let found = api.alerts.preview(&spec, range).await?;
        written(move || text(&found)).await
    })
    .await
}

/// Sends a receiver a message that says that it is a test.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/receivers/{name}/test",
    tag = "alerts",
    params(("name" = String, Path, description = "As the configuration names it")),
    responses(
        (status = 204, description = "It took the message"),
        (status = 404, description = "No such receiver", body = ErrorBody),
        (status = 502, description = "It did not take the message; the error says why", body = ErrorBody),
    )
)]
pub(crate) async fn test(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let alerts = Arc::clone(&api.alerts);
    api.ask(async move {
        alerts.test(&name, now_ns()).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

fn body(spec: Result<Json<Spec>, JsonRejection>) -> Result<Spec, ApiError> {
    let Json(spec) = spec.map_err(|rejected| {
        let help = "send a rule as JSON with `Content-Type: application/json`; its fields are described at /api/openapi.json";
        let why = rejected.body_text();
        let why = why.strip_prefix("Failed to deserialize the JSON body into the target type: ").unwrap_or(&why);
        ApiError::bad_request(why, help)
    })?;
    Ok(spec)
}

impl From<Failed> for ApiError {
    fn from(failed: Failed) -> Self {
        let message = failed.to_string();
        match failed {
            Failed::Unknown(_) => Self::not_found(message, "the rules are at /api/v1/alerts"),
            Failed::NoReceiver(_) => Self::not_found(
                message,
                "receivers are in the section `view` of the configuration, below `alerts`",
            ),
            Failed::Wrong(wrong) => Self::bad_request(message, wrong.help),
            Failed::Range => Self::bad_request(message, "ask for up to 31 days"),
            Failed::TooMany => Self::limit(message, "delete rules that nobody needs"),
            Failed::Undelivered { .. } => {
                Self::bad_gateway(message, "look at the receiver's address, its secret and its own log")
            }
            Failed::State(error) => {
                tracing::error!(%error, "a rule could not be kept");
                Self::unavailable("the state file cannot be written", "the log of throughline says why")
            }
            Failed::Store(error) => error.into(),
            Failed::TooLong => Self::busy(message),
        }
    }
}
