//! Requests and answers, and whoever sends them.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::Method;
use serde_json::Value;

/// One request to the Platform API, without host and token.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path and, where there is one, the query: `/api/v2/conversations/calls`.
    pub path: String,
    /// The path with names in place of ids, for spans and messages.
    pub template: &'static str,
    /// The body, to be sent as `application/json`.
    pub body: Option<Value>,
}

/// What the service answered, whatever its status.
#[derive(Clone, Default)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// There is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoAnswer {
    /// Why, in words.
    pub why: String,
    /// Whether the service may have seen the request all the same.
    pub sent: bool,
}

/// The one thing that somebody else does for [`Calls`](super::Calls): it brings host, token and connection.
///
/// `Http` does it over `reqwest`. With a client of your own, implement this; repeat nothing but what was answered with
/// 429, since a call that may have been placed must not be placed again.
pub trait Api {
    /// Sends a request; every status is an answer.
    fn send(&self, request: &Request) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;

    /// The host and the port of the service, for spans.
    fn server(&self) -> (Option<String>, Option<u16>);
}

impl Request {
    pub(super) fn new(method: Method, template: &'static str, ids: &[&str], body: Option<Value>) -> Self {
        let mut ids = ids.iter();
        let part = |part: &str| {
            let id = if part.starts_with('{') { ids.next().copied() } else { None };
            id.unwrap_or(part).to_owned()
        };
        let path = template.split('/').map(part).collect::<Vec<_>>().join("/");
        Self { method, path, template, body }
    }

    pub(super) fn get(template: &'static str, ids: &[&str]) -> Self {
        Self::new(Method::GET, template, ids, None)
    }

    /// Method and template.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl fmt::Debug for Request {
    /// Bodies hold numbers of customers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}
