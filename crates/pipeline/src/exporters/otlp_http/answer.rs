//! What a server's answer means for the batch.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flow::{Batch, ExportError};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use super::endpoint::Endpoint;
use crate::exporters::otlp::failure::short;
use crate::exporters::otlp::headers::Secrets;
use crate::exporters::otlp::partial::PartialSuccess;
use crate::net::status::Status;

/// A longer wait than this is a mistake of the server's.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) struct Answer<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer<'_> {
    pub(super) fn judge(
        &self,
        batch: &Batch,
        exporter: &str,
        secrets: &Secrets,
        now: SystemTime,
    ) -> Result<(), ExportError> {
        if self.status.is_success() {
            let mut partial = match self.is("json") {
                true => PartialSuccess::from_json(&self.body, batch.signal),
                false if self.is("protobuf") => PartialSuccess::from_proto(&self.body),
                false => PartialSuccess::default(),
            };
            partial.message = secrets.hide(&partial.message);
            return partial.into_result(exporter, batch.items);
        }
        let why = secrets.hide(&self.complaint(batch));
        match self.status.as_u16() {
            429 | 502 | 503 | 504 => Err(ExportError::Retry { why, after: self.retry_after(now) }),
            _ => Err(ExportError::Permanent(why)),
        }
    }

    /// Who answered what, and what to do about it where that is plain.
    fn complaint(&self, batch: &Batch) -> String {
        let Self { endpoint, status, .. } = self;
        let message = match self.is("protobuf") {
            true => Status::from_proto(&self.body).message,
            false => Status::from_json(&self.body).message,
        };
        let mut line = format!("{endpoint} answered {status}");
        if !message.is_empty() {
            line = format!("{line}: {}", short(&message));
        }
        match status.as_u16() {
            300..=399 => {
                let to = self.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
                let to = to.split(['?', '#']).next().unwrap_or_default();
                line + &format!(
                    " and redirects to `{}`; redirects are not followed, set `{}_endpoint` to the final address",
                    short(to),
                    batch.signal.name()
                )
            }
            404 | 405 => line + " (is this the path of an OTLP receiver?)",
            413 => line + " (send less at once: `send_batch_max_size` of the batch processor)",
            _ => line,
        }
    }

    /// Whole seconds, or a date.
    fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        wait(self.headers.get(RETRY_AFTER)?.to_str().ok()?, now)
    }

    fn is(&self, form: &str) -> bool {
        let media = self.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        media.is_some_and(|media| media.contains(form))
    }
}

fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_of_retry_after() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let table = [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT") {
            prop_assert!(wait(&text, SystemTime::UNIX_EPOCH).is_none_or(|wait| wait <= LONGEST_WAIT));
        }
    }
}
