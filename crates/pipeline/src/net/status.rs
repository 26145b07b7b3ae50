//! `google.rpc.Status`, the body of OTLP error answers, with `RetryInfo`.

use std::time::Duration;

use flow::wire::{fields, put_len, put_nested, put_varint_field};
use flow::{Fault, Refusal};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// gRPC status codes that OTLP uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    pub fn of(fault: Fault) -> Self {
        match fault {
            Fault::Caller => Self::InvalidArgument,
            Fault::TooLarge => Self::ResourceExhausted,
            Fault::Denied => Self::Unauthenticated,
            Fault::Missing => Self::Unimplemented,
            Fault::Busy | Fault::Down => Self::Unavailable,
            Fault::Bug => Self::Internal,
        }
    }
}

/// The HTTP status of a refusal, as the OTLP specification and the field's collector have it (413 is ours: D7).
pub fn http_status(fault: Fault) -> u16 {
    match fault {
        Fault::Caller => 400,
        Fault::TooLarge => 413,
        Fault::Denied => 401,
        Fault::Missing => 404,
        Fault::Busy | Fault::Down => 503,
        Fault::Bug => 500,
    }
}

/// A decoded or yet to be encoded status.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    pub code: i32,
    pub message: String,
    pub retry_after: Option<Duration>,
}

/// Bytes of a message; a longer one quotes what the client sent, and some clients read no long headers.
const LONGEST: usize = 1024;

impl From<&Refusal> for Status {
    fn from(refusal: &Refusal) -> Self {
        let retry_after = refusal.retry_after;
        Self { retry_after, ..Self::new(Code::of(refusal.fault), refusal.why.as_str()) }
    }
}

impl Status {
    /// Cuts the message where it is too long.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
            message.push('…');
        }
        Self { code: code as i32, message, retry_after: None }
    }

    /// The protobuf message (google/rpc/status.proto).
    pub fn to_proto(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint_field(&mut out, 1, i64::from(self.code) as u64);
        put_len(&mut out, 2, self.message.as_bytes());
        if let Some(delay) = self.retry_after {
            put_nested(&mut out, 3, |any| {
                put_len(any, 1, RETRY_INFO.as_bytes());
                put_nested(any, 2, |info| {
                    put_nested(info, 1, |duration| {
                        put_varint_field(duration, 1, delay.as_secs());
                        put_varint_field(duration, 2, u64::from(delay.subsec_nanos()));
                    });
                });
            });
        }
        out
    }

    /// Reads what a peer sent; unknown details are passed over.
    pub fn from_proto(bytes: &[u8]) -> Self {
        let mut status = Self::default();
        for field in fields(bytes) {
            match field.number {
                1 => status.code = field.int() as i32,
                2 => status.message = field.text().to_owned(),
                3 => status.retry_after = status.retry_after.or_else(|| retry_info(field.bytes())),
                _ => {}
            }
        }
        status
    }

    pub fn to_json(&self) -> Vec<u8> {
        let mut body = serde_json::json!({ "code": self.code, "message": self.message });
        if let (Some(delay), Some(object)) = (self.retry_after, body.as_object_mut()) {
            let detail =
                serde_json::json!({ "@type": RETRY_INFO, "retryDelay": format!("{}s", delay.as_secs_f64()) });
            object.insert("details".to_owned(), serde_json::json!([detail]));
        }
        body.to_string().into_bytes()
    }

    /// Reads a JSON error body; text that is not one becomes the message.
    pub fn from_json(bytes: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return Self { message: String::from_utf8_lossy(bytes).into_owned(), ..Self::default() };
        };
        Self {
            code: body.get("code").and_then(serde_json::Value::as_i64).unwrap_or(0) as i32,
            message: body.get("message").and_then(|text| text.as_str()).unwrap_or_default().to_owned(),
            retry_after: None,
        }
    }
}

fn retry_info(any: &[u8]) -> Option<Duration> {
    let part = |number: u32| fields(any).find(|field| field.number == number);
    if part(1)?.text() != RETRY_INFO {
        return None;
    }
    let duration = fields(part(2)?.bytes()).find(|field| field.number == 1)?.bytes();
    let number =
        |number: u32| fields(duration).find(|field| field.number == number).map_or(0, |field| field.int());
    // A hostile delay must not overflow the clock: an hour at most.
    Some(Duration::new(number(1).min(3600), number(2).min(999_999_999) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let status =
            Status { code: 14, message: "full".into(), retry_after: Some(Duration::from_millis(1500)) };
        assert_eq!(Status::from_proto(&status.to_proto()), status);
        let text = String::from_utf8(status.to_json()).unwrap();
        assert_eq!(
            text,
            r#"{"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}],"message":"full"}"#
        );
        assert_eq!(Status::from_json(text.as_bytes()).message, "full");
        assert_eq!(Status::from_json(b"Bad Gateway").message, "Bad Gateway");
    }
}
