//! Spans as OTLP, for answers that consist of it.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::response::Response;
use store_api::Span;
use store_api::find::Extent;
use store_api::to_otlp::to_otlp_json;

use crate::error::ApiError;

/// Of answers whose form has no place for it: from when on nothing is missing, in nanoseconds since 1970.
const COMPLETE_FROM: &str = "throughline-complete-from";

/// `{"resourceSpans":[…]}` in OTLP/JSON.
pub(crate) fn json(spans: &[Arc<Span>]) -> Result<String, ApiError> {
    String::from_utf8(to_otlp_json(spans)).map_err(|error| ApiError::internal(error.to_string()))
}

/// Says in the head of an answer that it was cut.
pub(crate) fn marked(mut answer: Response, extent: &Extent) -> Response {
    if extent.truncated {
        answer.headers_mut().insert(COMPLETE_FROM, HeaderValue::from(extent.complete_from));
    }
    answer
}
