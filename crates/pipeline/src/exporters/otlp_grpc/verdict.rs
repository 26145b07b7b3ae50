//! What an answer means for the batch.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use flow::ExportError;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::call::{Answer, unframe};
use crate::exporters::otlp::headers::Secrets;
use crate::exporters::otlp::partial::PartialSuccess;
use crate::exporters::otlp::parts::Failure;
use crate::exporters::otlp::retry_after;
use crate::net::failure::short;
use crate::net::status::Status;

/// Longer details are passed over.
const MAX_DETAILS: usize = 16 << 10;

/// A gRPC status code by the number on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Code(u32);

const NAMES: [&str; 17] = [
    "Ok",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0).ok().and_then(|number| NAMES.get(number));
        f.write_str(name.unwrap_or(&"Unknown"))
    }
}

/// What became of a call.
pub(super) struct Verdict {
    code: Code,
    message: String,
    after: Option<Duration>,
}

impl Verdict {
    /// `None` where the answer ended without a status: nobody knows what became of the call.
    pub(super) fn of(answer: &Answer, now: SystemTime) -> Option<Self> {
        let headers = &answer.headers;
        if let Some(code) = headers.get("grpc-status") {
            let code = code.to_str().ok().and_then(|code| code.parse().ok()).unwrap_or(2);
            let details = details(headers);
            let message = headers.get("grpc-message").map(|text| unescaped(text.as_bytes()));
            return Some(Self {
                code: Code(code),
                message: short(&message.unwrap_or(details.message)),
                after: details.retry_after,
            });
        }
        let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        if answer.http.is_success() && media.starts_with("application/grpc") {
            return None;
        }
        // Somebody on the way answered, who does not speak gRPC.
        let code = match answer.http.as_u16() {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502..=504 => 14,
            _ => 2,
        };
        let message = format!("HTTP status {}, content type `{}`", answer.http, short(media));
        Some(Self { code: Code(code), message, after: retry_after::read(headers, now) })
    }

    /// The result of the export.
    pub(super) fn result(
        self,
        answer: &Answer,
        items: usize,
        (exporter, target): (&str, &str),
        secrets: &Secrets,
    ) -> Result<(), Failure> {
        if self.code.0 == 0 {
            let mut partial = PartialSuccess::from_proto(unframe(&answer.body));
            partial.message = secrets.hide(&partial.message);
            return Ok(partial.into_result(exporter, items)?);
        }
        let separator = if self.message.is_empty() { "" } else { ": " };
        let why = format!("{target} answered {}{separator}{}", self.code, self.message);
        let why = secrets.hide(&why) + self.mend();
        Err(match self.code.0 {
            // Without a delay it is read by its cause: a message that is too large will never be taken, an
            // overload passes. Some say the one as `OutOfRange`.
            8 | 11 if self.after.is_none() && self.is_too_large() => Failure::TooLarge(why),
            1 | 4 | 8 | 10 | 11 | 14 | 15 => ExportError::Retry { why, after: self.after }.into(),
            _ => ExportError::Permanent(why).into(),
        })
    }

    /// By the words of the gRPC libraries of Go, C++, Java, Rust and .NET, and of this program.
    fn is_too_large(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        let words = ["larger than", "too large", "exceeds maximum size", "exceeds the maximum"];
        ["message", "body"].iter().any(|what| message.contains(what))
            && words.iter().any(|words| message.contains(words))
    }

    fn mend(&self) -> &'static str {
        match self.code.0 {
            12 => " (is this the OTLP/gRPC port of a receiver for this signal?)",
            _ => "",
        }
    }
}

fn details(headers: &HeaderMap) -> Status {
    let text = headers.get("grpc-status-details-bin").map(|text| text.as_bytes()).unwrap_or_default();
    if text.len() > MAX_DETAILS {
        return Status::default();
    }
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text));
    Status::from_proto(&decoded.unwrap_or_default())
}

/// Undoes the percent-encoding of `grpc-message`.
fn unescaped(text: &[u8]) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    plain.push(high << 4 | low);
                    rest = after;
                }
                _ => plain.push(b'%'),
            },
            _ => plain.push(*first),
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderValue, StatusCode};
    use proptest::prelude::*;

    #[test]
    fn messages_are_unescaped() {
        let table = [
            ("plain", "plain"),
            ("100%25", "100%"),
            ("caf%C3%A9", "café"),
            ("%zz %4", "%zz %4"),
            ("%", "%"),
            ("%ff", "\u{fffd}"),
        ];
        for (text, expected) in table {
            assert_eq!(unescaped(text.as_bytes()), expected);
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_judged(
            http in 100_u16..600,
            status in prop::option::of("[0-9]{0,12}|\\PC{0,5}"),
            message: Vec<u8>,
            details in "[A-Za-z0-9+/=]{0,80}",
            body: Vec<u8>,
            media in "application/grpc|text/html",
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, media.parse().unwrap());
            let mut put = |name: &'static str, value: &[u8]| {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.insert(name, value);
                }
            };
            put("grpc-message", &message);
            put("grpc-status-details-bin", details.as_bytes());
            if let Some(status) = &status {
                put("grpc-status", status.as_bytes());
            }
            let http = StatusCode::from_u16(http).unwrap();
            let answer = Answer { http, headers, body: Bytes::from(body) };
            if let Some(verdict) = Verdict::of(&answer, SystemTime::UNIX_EPOCH) {
                let sent = verdict.code.0 == 0;
                let result = verdict.result(&answer, 5, ("out", "h:1"), &Secrets::default());
                let failed = !matches!(result, Ok(()) | Err(Failure::Other(ExportError::Partial { .. })));
                prop_assert!(sent || failed);
            }
        }
    }
}
