//! Why an event is not taken. What may be taken later is answered with 429 or 503, after which EventBridge sends it again.

use std::time::Duration;

use bytes::Bytes;
use flow::{Fault, Refusal};
use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::door::Answer;

const SOON: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Refused {
    /// No secret, or a wrong one; what to ask for.
    Stranger(HeaderValue),
    Method,
    NotJson,
    TooLarge,
    Slow,
    NoEvent,
    /// No room now.
    Busy(Duration),
    /// Nobody takes events now.
    Down(Duration),
}

impl Refused {
    pub(super) fn busy() -> Self {
        Self::Busy(SOON)
    }

    pub(super) fn down() -> Self {
        Self::Down(SOON)
    }

    pub(super) fn answer(&self) -> Answer {
        let (status, why) = match self {
            Self::Stranger(_) => (
                StatusCode::UNAUTHORIZED,
                "not the secret of `auth`: see the authorization of the API destination's connection\n",
            ),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "only POST is answered here\n"),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json without a content coding\n")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "more than 1 MiB\n"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n"),
            Self::NoEvent => (
                StatusCode::BAD_REQUEST,
                "not an event of Genesys Cloud: send the event as it is, without an input transformer\n",
            ),
            Self::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "no room now\n"),
            Self::Down(_) => (StatusCode::SERVICE_UNAVAILABLE, "nobody takes events now\n"),
        };
        let mut answer = Response::new(Full::new(Bytes::from_static(why.as_bytes())));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        match self {
            Self::Stranger(challenge) => {
                headers.insert(WWW_AUTHENTICATE, challenge.clone());
            }
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // The rest of the body is not read.
            Self::TooLarge | Self::Slow => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Busy(after) | Self::Down(after) => {
                let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
            }
            Self::NotJson | Self::NoEvent => {}
        }
        answer
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let after = refusal.retry_after.unwrap_or(SOON);
        match refusal.fault {
            Fault::TooLarge => Self::TooLarge,
            Fault::Busy => Self::Busy(after),
            Fault::Caller | Fault::Denied | Fault::Missing | Fault::Down | Fault::Bug => Self::Down(after),
        }
    }
}
