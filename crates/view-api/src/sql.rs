//! Questions in SQL over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::{StreamExt, TryStreamExt, stream};
use store_api::sql::{self, Failed, Format, On, Worked};

use crate::api::Api;
use crate::audit::What;
use crate::auth::{Peer, Who};
use crate::error::{ApiError, ErrorBody};
use crate::patient::Place;
use crate::query::{self, SqlParameters};

/// Waits for one of the few places, as long as any question may wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a question to arrive.
const ARRIVES: Duration = Duration::from_secs(10);
/// Of an answer so much is made before it begins, so that what fails until then has a status.
const AHEAD: usize = 1 << 20;
/// Where an answer was worked out, of stores with a cluster.
const WORKED: &str = "throughline-worked";
const MOST_ROWS: u64 = 100_000_000;
const MOST_SECONDS: u64 = 3600;
/// The store has limits of its own.
const MOST_FILES: u64 = 1_000_000_000;
const MOST_MIB: u64 = 1 << 40;
const MOST_BYTES: u64 = 64 << 30;

/// Any question about the tables `spans`, `spans_raw` and `interactions`.
#[utoipa::path(
    get,
    path = "/api/v1/sql",
    tag = "sql",
    params(SqlParameters),
    responses(
        (status = 200, description = "In the format that was asked for", content_type = "application/json"),
        (status = 400, description = "Not SQL, or about what there is not; with line and column where they are known", body = ErrorBody),
        (status = 403, description = "A statement that does more than read; or, with display masking, not the role `unmask`", body = ErrorBody),
        (status = 422, description = "A limit was hit; the message names it", body = ErrorBody),
        (status = 501, description = "The store has no SQL", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn asked(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    peer: Option<Extension<Peer>>,
    parameters: Result<Query<SqlParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    answer(&api, &who, peer, query::read(parameters)?).await
}

/// The same for long questions.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "sql",
    request_body = SqlParameters,
    responses(
        (status = 200, description = "In the format that was asked for", content_type = "application/json"),
        (status = 400, description = "As for GET, or not JSON", body = ErrorBody),
        (status = 403, description = "As for GET", body = ErrorBody),
        (status = 422, description = "As for GET", body = ErrorBody),
        (status = 501, description = "As for GET", body = ErrorBody),
        (status = 503, description = "As for GET", body = ErrorBody),
    )
)]
pub(crate) async fn posted(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Result<Response, ApiError> {
    let read = tokio::time::timeout(ARRIVES, Json::from_request(request, &())).await;
    let read = read.map_err(|_| ApiError::busy("the question did not arrive in time"))?;
    let Json(parameters) = read.map_err(|rejected: JsonRejection| {
        let help = "send `{\"query\": \"SELECT …\"}` with `Content-Type: application/json`";
        ApiError::bad_request(rejected.body_text(), help)
    })?;
    answer(&api, &who, peer, parameters).await
}

/// The answer to a question, with the place that it keeps until it is sent.
pub(crate) async fn open(
    api: &Api,
    who: &Who,
    peer: Option<Peer>,
    question: sql::Question,
) -> Result<(sql::Answer, Place), ApiError> {
    if api.masking {
        // Nothing of the answer is masked.
        api.audit.note(who, peer, What::Sql, question.text.clone(), String::new()).await?;
    }
    let place = tokio::time::timeout(PATIENCE, Arc::clone(api.sql_places()).acquire_owned());
    let place =
        place.await.map_err(|_| ApiError::busy("other questions in SQL take all the time there is"))?;
    let place: Place = Arc::new(place.map_err(|_| ApiError::internal("no more questions"))?);
    Ok((api.store().sql(question).await?, place))
}

async fn answer(
    api: &Api,
    who: &Who,
    peer: Option<Extension<Peer>>,
    parameters: SqlParameters,
) -> Result<Response, ApiError> {
    let peer = peer.map(|Extension(peer)| peer);
    let (mut answer, place) = open(api, who, peer, question(parameters)?).await?;
    let mut ahead: Vec<Bytes> = Vec::new();
    let mut length = 0;
    let body = loop {
        if length > AHEAD {
            let rest = answer.body.inspect_err(|failed| {
                tracing::warn!(error = %failed, help = failed.help(), "an answer to SQL broke off");
            });
            break Body::from_stream(stream::iter(ahead.into_iter().map(Ok)).chain(rest));
        }
        match answer.body.next().await {
            Some(Ok(chunk)) => {
                length += chunk.len();
                ahead.push(chunk);
            }
            Some(Err(failed)) => return Err(failed.into()),
            None => break Body::from(ahead.concat()),
        }
    };
    let headers = [(header::CONTENT_TYPE, answer.format.content_type()), (header::CACHE_CONTROL, "no-store")];
    let mut response = (headers, body).into_response();
    tell(answer.worked, response.headers_mut());
    response.extensions_mut().insert(place);
    Ok(response)
}

/// What the store says of where it worked an answer out, in what a header and metadata of gRPC may hold.
pub(crate) fn tell(worked: Option<Worked>, headers: &mut HeaderMap) {
    let Some(worked) = worked else { return };
    let plain = |c: char| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' };
    let line: String = worked.to_string().chars().map(plain).collect();
    if let Ok(line) = HeaderValue::try_from(line) {
        headers.insert(WORKED, line);
    }
}

pub(crate) fn question(parameters: SqlParameters) -> Result<sql::Question, ApiError> {
    let SqlParameters { query, format, max_rows, max_seconds, max_files, max_scanned_mib, on } = parameters;
    let wrong = |why: String| ApiError::bad_request(why, "the parameters are described at /api/openapi.json");
    let format = format.filter(|format| !format.is_empty());
    let format = format.map(|format| format.parse::<Format>()).transpose();
    let format = format.map_err(|error| wrong(error.to_string()))?.unwrap_or_default();
    let on = on.filter(|on| !on.is_empty()).map(|on| on.parse::<On>()).transpose();
    let on = on.map_err(|error| wrong(error.to_string()))?.unwrap_or_default();
    let mut limits = sql::Limits { bytes: MOST_BYTES, ..sql::Limits::default() };
    for (name, given, most) in [
        ("max_rows", max_rows, MOST_ROWS),
        ("max_seconds", max_seconds, MOST_SECONDS),
        ("max_files", max_files, MOST_FILES),
        ("max_scanned_mib", max_scanned_mib, MOST_MIB),
    ] {
        if given.is_some_and(|given| !(1..=most).contains(&given)) {
            return Err(wrong(format!("`{name}` is a number from 1 to {most}")));
        }
    }
    limits.rows = max_rows.unwrap_or(limits.rows);
    limits.files = max_files.map_or(limits.files, |files| usize::try_from(files).unwrap_or(usize::MAX));
    limits.scanned = max_scanned_mib.map_or(limits.scanned, |mib| mib << 20);
    limits.time = max_seconds.map_or(limits.time, Duration::from_secs);
    Ok(sql::Question { text: query, format, limits, on })
}

impl From<Failed> for ApiError {
    fn from(failed: Failed) -> Self {
        let (message, help) = (failed.to_string(), failed.help().to_owned());
        match failed {
            Failed::Wrong { place, .. } => Self::bad_request(message, help).at(place),
            Failed::Refused(_) => Self::forbidden(message, help),
            Failed::Limit { .. } => Self::limit(message, help),
            Failed::Unsupported => Self::unsupported(message, help),
            Failed::Store(error) => error.into(),
        }
    }
}
