//! What a server's answer means for the batch.

use std::time::SystemTime;

use bytes::Bytes;
use flow::{ExportError, Signal};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};

use super::endpoint::Endpoint;
use crate::exporters::otlp::headers::Secrets;
use crate::exporters::otlp::partial::PartialSuccess;
use crate::exporters::otlp::parts::Failure;
use crate::exporters::otlp::retry_after;
use crate::net::failure::short;
use crate::net::status::Status;

pub(super) struct Answer<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer<'_> {
    pub(super) fn judge(
        &self,
        (signal, items): (Signal, usize),
        exporter: &str,
        secrets: &Secrets,
        now: SystemTime,
    ) -> Result<(), Failure> {
        if self.status.is_success() {
            let mut partial = match self.is("json") {
                true => PartialSuccess::from_json(&self.body, signal),
                false if self.is("protobuf") => PartialSuccess::from_proto(&self.body),
                false => PartialSuccess::default(),
            };
            partial.message = secrets.hide(&partial.message);
            return Ok(partial.into_result(exporter, items)?);
        }
        let why = secrets.hide(&self.complaint(signal));
        Err(match self.status.as_u16() {
            413 => Failure::TooLarge(why),
            429 | 502 | 503 | 504 => {
                ExportError::Retry { why, after: retry_after::read(&self.headers, now) }.into()
            }
            _ => ExportError::Permanent(why).into(),
        })
    }

    /// Who answered what, and what to do about it where that is plain.
    fn complaint(&self, signal: Signal) -> String {
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
                    signal.name()
                )
            }
            404 | 405 => line + " (is this the path of an OTLP receiver?)",
            _ => line,
        }
    }

    fn is(&self, form: &str) -> bool {
        let media = self.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        media.is_some_and(|media| media.contains(form))
    }
}
