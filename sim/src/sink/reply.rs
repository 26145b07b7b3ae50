//! What the sink says, in the format it was asked in.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use crate::format::Format;
use crate::grpc;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Everything was taken.
pub(super) fn accepted(format: Format) -> Response<Body> {
    let body = match format {
        Format::Protobuf => plain(""),
        Format::Json => plain(r#"{"partialSuccess":{}}"#),
        Format::Grpc => {
            let trailers = std::future::ready(Some(Ok(grpc::status_headers(grpc::code::OK, "", None))));
            Full::new(grpc::frame(&[], false)).with_trailers(trailers).boxed_unsync()
        }
    };
    respond(StatusCode::OK, format.media_type(), body)
}

/// Nothing was taken.
pub(super) fn refused(
    format: Format,
    status: StatusCode,
    reason: &str,
    retry_after: Option<Duration>,
) -> Response<Body> {
    if format == Format::Grpc {
        let mut response = respond(StatusCode::OK, format.media_type(), Empty::new().boxed_unsync());
        response.headers_mut().extend(grpc::status_headers(grpc::code_of(status), reason, retry_after));
        return response;
    }
    let mut response = respond(status, "text/plain; charset=utf-8", plain(reason));
    if let Some(wait) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, wait.as_secs().into());
    }
    response
}

pub(super) fn respond(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

pub(super) fn plain(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync()
}
