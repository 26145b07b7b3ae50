//! Spans to a receiver of OTLP over HTTP.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::wire::fields;
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::Value;
use tokio::time::sleep;

use super::Stopped;
use crate::platform::retry_after;

const TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(120);
const ATTEMPTS: u32 = 8;
/// Bytes that are read of an answer, and characters that are kept of a reason.
const ANSWER: usize = 64 << 10;
const REASON: usize = 300;

pub(super) struct Post {
    http: Client,
    url: Url,
}

/// What was not taken of what was taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Rejected {
    pub(super) spans: u64,
    /// In the words of the receiver; it can have something to say of spans that it took, too.
    pub(super) why: String,
}

impl Post {
    pub(super) fn new(base: &Url, tls: rustls::ClientConfig) -> Result<Self, Stopped> {
        let wrong = |why: String| Stopped::Setting(format!("{base}: {why}"));
        let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
        let mut url = base.clone();
        url.set_path(&path);
        let http = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).timeout(TIMEOUT);
        Ok(Self { http: http.build().map_err(|error| wrong(error.to_string()))?, url })
    }

    /// Sends until it is taken, refused for good, or tried often enough. What is rejected of a request that was taken is
    /// not sent again: the rest would come twice.
    pub(super) async fn send(&self, spans: Vec<u8>) -> Result<Rejected, Stopped> {
        if spans.is_empty() {
            return Ok(Rejected::default());
        }
        let spans = Bytes::from(spans);
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-protobuf");
            let (why, again, after) = match request.body(spans.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(Rejected::of(answer).await),
                Ok(answer) => {
                    let again = matches!(answer.status().as_u16(), 429 | 502 | 503 | 504);
                    let why = format!("{} answered {}", self.url, answer.status());
                    (why, again, retry_after(answer.headers()))
                }
                Err(error) => (error.to_string(), true, None),
            };
            if !again || attempt >= ATTEMPTS {
                return Err(Stopped::Refused(why));
            }
            tracing::debug!(why, attempt, "sending again");
            sleep(after.map_or(wait, |after| after.min(LONGEST_WAIT))).await;
            wait *= 2;
            attempt += 1;
        }
    }
}

impl Rejected {
    /// The `partial_success` of an answer; one that cannot be read is none.
    async fn of(mut answer: Response) -> Self {
        let form = answer.headers().get(CONTENT_TYPE).and_then(|form| form.to_str().ok()).unwrap_or_default();
        let json = form.contains("json");
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            if body.len() + chunk.len() > ANSWER {
                return Self::default();
            }
            body.extend_from_slice(&chunk);
        }
        if json { Self::from_json(&body) } else { Self::from_proto(&body) }
    }

    fn from_proto(body: &[u8]) -> Self {
        let mut rejected = Self::default();
        let partial = fields(body).filter(|field| field.number == 1).flat_map(|field| fields(field.bytes()));
        for field in partial {
            match field.number {
                1 => rejected.spans = u64::try_from(field.int() as i64).unwrap_or(0),
                2 => rejected.why = short(field.text()),
                _ => {}
            }
        }
        rejected
    }

    fn from_json(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        // 64-bit numbers are texts in protobuf's JSON, but not everybody writes them so.
        let spans = body.pointer("/partialSuccess/rejectedSpans").and_then(|number| match number {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        });
        let why = body.pointer("/partialSuccess/errorMessage").and_then(Value::as_str).unwrap_or_default();
        Self { spans: spans.unwrap_or(0), why: short(why) }
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use flow::wire::{put_len, put_nested, put_varint_field};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let mut proto = Vec::new();
        put_nested(&mut proto, 1, |out| {
            put_varint_field(out, 1, 3);
            put_len(out, 2, b"too\x1b old");
        });
        let expected = Rejected { spans: 3, why: "too old".to_owned() };
        assert_eq!(Rejected::from_proto(&proto), expected);
        for json in [
            r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#,
            r#"{"partialSuccess":{"rejectedSpans":3,"errorMessage":"too old"}}"#,
        ] {
            assert_eq!(Rejected::from_json(json.as_bytes()), expected);
        }
        for nothing in
            ["", "{}", "null", r#"{"partialSuccess":[]}"#, r#"{"partialSuccess":{"rejectedSpans":-1}}"#]
        {
            assert_eq!(Rejected::from_json(nothing.as_bytes()), Rejected::default());
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>) {
            prop_assert!(Rejected::from_proto(&bytes).why.chars().count() <= REASON);
            Rejected::from_json(&bytes);
        }
    }
}
