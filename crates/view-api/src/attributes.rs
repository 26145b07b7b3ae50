//! Which attributes there are to ask for.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use store_api::Questions;
use store_api::attr_keys::{AttrKey, AttrKeys, Level};
use utoipa::{OpenApi, ToSchema};

use crate::api::{Api, text, written};
use crate::error::{ApiError, ErrorBody};
use crate::json::Ns;
use crate::query::{AttributeParameters, LIMITS, given, range, read};

#[derive(OpenApi)]
#[openapi(paths(attributes))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/api/v1/attributes", get(attributes))
}

/// In the order of levels, keys and types.
#[derive(Serialize, ToSchema)]
struct Attributes {
    attributes: Vec<Attribute>,
    /// There are more keys than are told, or more spans than were looked at.
    truncated: bool,
}

/// A key on one level with values of one type.
#[derive(Serialize, ToSchema)]
struct Attribute {
    /// `span`, `resource`, `scope`, `event` or `link`.
    level: &'static str,
    key: String,
    /// `string`, `int`, `double`, `bool`, `array`, `map`, `bytes` or `empty`.
    r#type: &'static str,
    /// Spans that carry it, as stored: one that is there twice counts twice.
    spans: u64,
    /// When the first and the last of them started.
    first_ns: Ns,
    last_ns: Ns,
    /// Some of its most frequent values, as text, the most frequent first.
    values: Vec<String>,
}

impl From<AttrKey> for Attribute {
    fn from(key: AttrKey) -> Self {
        let AttrKey { level, key, kind, spans, first_ns, last_ns, values } = key;
        let values = values.into_iter().map(|(text, _)| text).collect();
        let (first_ns, last_ns) = (Ns(first_ns), Ns(last_ns));
        Self { level: level.name(), key, r#type: kind.name(), spans, first_ns, last_ns, values }
    }
}

/// Which attributes spans of a time range carry, on which level and of which type. What is on disk is told file by file, so
/// spans of the same hours count that started shortly before or after the range.
#[utoipa::path(
    get,
    path = "/api/v1/attributes",
    tag = "attributes",
    params(AttributeParameters),
    responses(
        (status = 200, body = Attributes),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn attributes(
    State(api): State<Api>,
    parameters: Result<Query<AttributeParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let AttributeParameters { from, to, level, key } = read(parameters)?;
    let (range, level, key) = (range(from, to)?, wanted(given(level))?, given(key));
    api.ask(async {
        let AttrKeys { keys, truncated } = api.store.attr_keys(range, LIMITS).await?;
        let fits = |one: &AttrKey| {
            level.is_none_or(|level| level == one.level)
                && key.as_ref().is_none_or(|key| one.key.contains(key))
        };
        let attributes = keys.into_iter().filter(fits).map(Attribute::from).collect();
        written(move || text(&Attributes { attributes, truncated })).await
    })
    .await
}

fn wanted(level: Option<String>) -> Result<Option<Level>, ApiError> {
    let Some(level) = level else { return Ok(None) };
    let known = Level::ALL.into_iter().find(|known| known.name() == level);
    let help = format!("write one of {}", Level::ALL.map(Level::name).join(", "));
    known.map(Some).ok_or_else(|| ApiError::bad_request(format!("`level` is not known: `{level}`"), help))
}
