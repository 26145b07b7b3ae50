//! What Tempo's query frontend answers, so that Grafana's data source and Traces Drilldown work here.
//!
//! Answers have no field that Tempo's have not: Grafana refuses those.

mod any;
mod trace;
mod search;
mod tags;
mod metrics;
mod axis;
mod series;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use store_api::Misread;

use crate::api::Api;
use crate::error::ApiError;

pub(crate) use trace::trace;

/// The version of Tempo whose answers these are.
const LIKE: &str = r#"{"version":"2.9.0","revision":"throughline","branch":"","buildDate":"","buildUser":"","goVersion":""}"#;

/// All but the address of one trace of the first generation, which is Jaeger's, too.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/echo", get("echo"))
        .route("/api/status/buildinfo", get(([(header::CONTENT_TYPE, "application/json")], LIKE)))
        .route("/api/v2/traces/{trace_id}", get(trace::trace_v2))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::names))
        .route("/api/v2/search/tags", get(tags::names_v2))
        .route("/api/search/tag/{tag}/values", get(tags::values))
        .route("/api/v2/search/tag/{tag}/values", get(tags::values_v2))
        .route("/api/metrics/query_range", get(metrics::range))
        .route("/api/metrics/query", get(metrics::instant))
}

pub(crate) fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.into_iter().any(|value| value.contains("application/protobuf"))
}

/// Text alone, which Grafana shows as it is.
struct Wrong(ApiError);

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Misread> for Wrong {
    fn from(misread: Misread) -> Self {
        Self(ApiError::bad_request(format!("invalid TraceQL query: {misread}"), misread.help))
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let sentence = self.0.sentence();
        self.0.shaped(sentence)
    }
}

/// Of addresses below the name of Tempo.
pub(crate) async fn unknown() -> Response {
    Wrong(ApiError::not_found("there is nothing at this address", "docs/grafana.md has what there is"))
        .into_response()
}
