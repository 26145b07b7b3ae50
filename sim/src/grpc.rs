//! As much of gRPC as one unary OTLP call needs: the frame, the status, the wait before a retry.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use prost::Message;

/// The media type of every gRPC request and response.
pub const CONTENT_TYPE: &str = "application/grpc";
/// The method that takes spans.
pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The method that takes metrics.
pub const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// The method that takes log records.
pub const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Status codes an OTLP exporter or receiver meets.
pub mod code {
    pub const OK: u32 = 0;
    pub const INVALID_ARGUMENT: u32 = 3;
    pub const NOT_FOUND: u32 = 5;
    pub const PERMISSION_DENIED: u32 = 7;
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const UNIMPLEMENTED: u32 = 12;
    pub const INTERNAL: u32 = 13;
    pub const UNAVAILABLE: u32 = 14;
    pub const UNAUTHENTICATED: u32 = 16;
}

const PREFIX: usize = 5;
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const DETAILS: &str = "grpc-status-details-bin";

/// One message behind its five-byte prefix.
pub fn frame(message: &[u8], compressed: bool) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(u8::from(compressed));
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// The message of a body that holds exactly one frame, and whether it is compressed.
pub fn unframe(mut body: Bytes) -> Option<(Bytes, bool)> {
    let (prefix, _) = body.split_first_chunk::<PREFIX>()?;
    let [flag, length @ ..] = *prefix;
    let message = body.split_off(PREFIX);
    let complete = u32::from_be_bytes(length) == u32::try_from(message.len()).ok()?;
    (complete && flag <= 1).then_some((message, flag == 1))
}

/// The status code for an HTTP status, as the OTLP specification pairs them.
pub fn code_of(status: http::StatusCode) -> u32 {
    match status.as_u16() {
        200..=299 => code::OK,
        400 => code::INVALID_ARGUMENT,
        401 => code::UNAUTHENTICATED,
        403 => code::PERMISSION_DENIED,
        404 => code::UNIMPLEMENTED,
        429 => code::RESOURCE_EXHAUSTED,
        502..=504 => code::UNAVAILABLE,
        _ => code::INTERNAL,
    }
}

/// The status headers (or trailers) of a call.
pub fn status_headers(code: u32, message: &str, retry_after: Option<Duration>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", code.into());
    if let Ok(text) = message.parse() {
        headers.insert("grpc-message", text);
    }
    if let Some(wait) = retry_after {
        let details = Status { code, message: message.to_owned(), details: vec![Any::retry_after(wait)] };
        if let Ok(text) = STANDARD_NO_PAD.encode(details.encode_to_vec()).parse() {
            headers.insert(DETAILS, text);
        }
    }
    headers
}

/// The status code that a call ended with; absent if the headers carry none.
pub fn read_status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// How long the peer asks to be left alone.
pub fn read_retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(DETAILS)?.as_bytes();
    let details = STANDARD_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    let info = Status::decode(details.as_slice()).ok()?;
    let any = info.details.iter().find(|any| any.type_url == RETRY_INFO)?;
    let delay = RetryInfo::decode(any.value.as_slice()).ok()?.retry_delay?;
    Some(Duration::new(delay.seconds.try_into().ok()?, delay.nanos.try_into().ok()?))
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Any {
    fn retry_after(wait: Duration) -> Self {
        let delay = Delay {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
        };
        let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
        Self { type_url: RETRY_INFO.to_owned(), value }
    }
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        assert_eq!(unframe(frame(b"spans", true)), Some((Bytes::from_static(b"spans"), true)));
        assert_eq!(unframe(frame(b"", false)), Some((Bytes::new(), false)));
    }

    #[test]
    fn a_body_that_is_not_one_frame_is_refused() {
        for bad in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab", b"\x02\0\0\0\0"] {
            assert_eq!(unframe(Bytes::copy_from_slice(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn the_wait_of_a_refusal_survives_the_headers() {
        let wait = Duration::from_millis(2_500);
        let headers = status_headers(code::UNAVAILABLE, "busy", Some(wait));
        assert_eq!(read_status(&headers), Some(code::UNAVAILABLE));
        assert_eq!(read_retry_after(&headers), Some(wait));
        assert_eq!(read_retry_after(&status_headers(code::UNAVAILABLE, "busy", None)), None);
    }
}
