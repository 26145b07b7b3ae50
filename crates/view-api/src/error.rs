//! Errors as the API tells them.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flow::Fault;
use flow::state::StateError;
use serde::Serialize;
use store_api::StoreError;
use utoipa::ToSchema;

/// What every answer with a status of 400 or more holds.
#[derive(Serialize, ToSchema, Debug, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    error: ErrorText,
}

#[derive(Serialize, ToSchema, Debug, PartialEq, Eq)]
struct ErrorText {
    /// For programs.
    code: &'static str,
    /// What is wrong.
    message: String,
    /// What to do.
    help: String,
    /// Where in a question, counted from 1; only where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: Option<u64>,
}

/// Goes with the answer, for those who have another form for it.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
}

impl ApiError {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let error = ErrorText { code, message: message.into(), help: help.into(), line: None, column: None };
        Self { status, body: ErrorBody { error }, retry_after: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, help)
    }

    pub(crate) fn not_found(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, help)
    }

    /// Nobody is known, or not any more.
    pub(crate) fn unauthorized(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message, help)
    }

    pub(crate) fn conflict(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message, help)
    }

    pub(crate) fn too_often(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = format!("too many attempts; wait {seconds} s");
        let help = "each wrong password more makes the wait twice as long";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_often", message, help);
        Self { retry_after: Some(seconds.max(1)), ..error }
    }

    /// The state file does not take or give what it should.
    pub(crate) fn state_failed(error: &StateError) -> Self {
        tracing::error!(%error, "the state file failed");
        let help = "the log of throughline says which file and why";
        Self::unavailable("the state file cannot be used", help)
    }

    pub(crate) fn forbidden(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message, help)
    }

    /// Which limit of a question was hit.
    pub(crate) fn limit(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", message, help)
    }

    pub(crate) fn unsupported(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "unsupported", message, help)
    }

    /// With the line and the column of what is wrong.
    pub(crate) fn at(mut self, place: Option<(u64, u64)>) -> Self {
        self.body.error.line = place.map(|(line, _)| line);
        self.body.error.column = place.map(|(_, column)| column);
        self
    }

    pub(crate) fn method_not_allowed() -> Self {
        let help = "the methods of each address are described at /api/openapi.json";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this method is not allowed here",
            help,
        )
    }

    pub(crate) fn bad_gateway(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "undelivered", message, help)
    }

    pub(crate) fn unavailable(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, help)
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        let help = "ask again in a moment, or for a shorter time range";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, help);
        Self { retry_after: Some(2), ..error }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let help = "this is a defect; the log of throughline has more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, help)
    }
}

impl ApiError {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong and what to do, for answers that have one text for both.
    pub(crate) fn sentence(&self) -> String {
        let ErrorText { message, help, line, column, .. } = &self.body.error;
        match line.zip(*column) {
            Some((line, column)) => format!("line {line}, column {column}: {message}; {help}"),
            None => format!("{message}; {help}"),
        }
    }

    /// With another body.
    pub(crate) fn shaped(&self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Told { status: self.status, sentence: self.sentence() });
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error.fault() {
            Fault::Busy => Self::busy("the store is busy"),
            Fault::Down => {
                tracing::error!(%error, "a question to the store failed");
                let (message, help) = match &error {
                    StoreError::Server { .. } => (
                        "the server that keeps the spans does not answer",
                        "the log of throughline says which and why",
                    ),
                    _ => {
                        ("the store cannot read its files", "the log of throughline says which file and why")
                    }
                };
                Self::unavailable(message, help)
            }
            _ => {
                tracing::error!(%error, "a question to the store failed");
                Self::internal("the store failed")
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.shaped(Json(&self.body))
    }
}
