//! What gRPC is over HTTP/2: questions of one message, answers of several, a status behind them.

mod message;
mod read;

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

pub(crate) use self::message::{Messages, framed, prefix, refused, streamed};
pub(crate) use self::read::{bytes, fields, text};
use crate::error::{ApiError, Told};

/// For a question to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Compressed flag and length.
const PREFIX: usize = 5;

/// What went wrong, by the codes of gRPC.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    pub(crate) const UNIMPLEMENTED: u16 = 12;

    pub(crate) fn unimplemented(method: &str) -> Self {
        Self::new(Self::UNIMPLEMENTED, format!("there is no method `{method}` here"))
    }
}

impl From<ApiError> for Wrong {
    fn from(error: ApiError) -> Self {
        Told { status: error.status(), sentence: error.sentence() }.into()
    }
}

impl From<Told> for Wrong {
    fn from(Told { status, sentence }: Told) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST => 3,
            StatusCode::NOT_FOUND => 5,
            StatusCode::FORBIDDEN => 7,
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::TOO_MANY_REQUESTS => 8,
            StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED => 12,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::UNAUTHORIZED => 16,
            _ => 13,
        };
        Self::new(code, sentence)
    }
}

/// Whether an answer has to be one of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    matches!(kind.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..]))
}

/// The one message of a request.
pub(crate) async fn question(request: Request, largest: usize) -> Result<Bytes, Wrong> {
    if !is_grpc(request.headers()) {
        return Err(Wrong::invalid("the content type is not application/grpc"));
    }
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(request.into_body(), largest)).await;
    let read = read.map_err(|_| Wrong::new(4, "the question did not arrive in time"))?;
    let bytes = read.map_err(|_| Wrong::new(8, format!("a question of at most {largest} bytes is read")))?;
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
