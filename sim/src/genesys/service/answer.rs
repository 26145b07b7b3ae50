//! Requests and answers, without the connection that carries them.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

/// One request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// Some answers are empty.
    pub body: Option<Value>,
    /// To be waited before it is sent.
    pub delay_ms: u64,
    pub(super) limits: Option<Limits>,
}

/// How many requests of the minute are used up, and in how many seconds the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) count: u64,
    pub(super) allowed: u64,
    pub(super) reset: u64,
}

impl Request {
    /// A request as tests make it.
    pub fn new(method: Method, target: &str, body: &Value) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        Self::of(method, path, query, HeaderMap::new(), body)
    }

    /// A request as it came in; `query` is what stands behind the question mark.
    pub fn of(method: Method, path: &str, query: &str, headers: HeaderMap, body: Bytes) -> Self {
        Self { method, path: path.to_owned(), query: parse_query(query), headers, body }
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number of the query, at least one.
    pub(super) fn number(&self, name: &str, otherwise: u64) -> Result<u64, Box<Answer>> {
        match self.query(name).map(str::parse) {
            None => Ok(otherwise),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => {
                Err(Answer::error(400, "invalid.value", &format!("{name} is a whole number above 0.")))
            }
        }
    }

    /// The body as JSON; an empty one and `null` are the same.
    pub(super) fn json(&self) -> Result<Value, Box<Answer>> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        let wrong =
            |error| Answer::error(400, "bad.request", &format!("The request body is not JSON: {error}"));
        serde_json::from_slice(&self.body).map_err(wrong)
    }
}

/// `a=b&c=d`, decoded.
pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key), decoded(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Sets a member of an object.
pub(super) fn put(body: &mut Value, key: &str, value: impl Into<Value>) {
    if let Value::Object(members) = body {
        members.insert(key.to_owned(), value.into());
    }
}

/// Percent-encoded text as a form has it.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits =
                    [bytes.next(), bytes.next()].map(|digit| char::from(digit.unwrap_or(0)).to_digit(16));
                match digits {
                    [Some(high), Some(low)] => (high * 16 + low) as u8,
                    _ => b'?',
                }
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: Some(body), delay_ms: 0, limits: None }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, delay_ms: 0, limits: None }
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Box<Self> {
        let body = json!({"message": message, "code": code, "status": status, "details": [], "errors": []});
        Box::new(Self { status, ..Self::ok(body) })
    }

    pub(super) fn not_found(message: &str) -> Box<Self> {
        Self::error(404, "not.found", message)
    }

    pub(super) fn not_a_user() -> Box<Self> {
        let message = "This request requires a user context. Client credentials cannot be used for requests to this resource.";
        Self::error(400, "not.a.user", message)
    }

    pub(super) fn forbidden(permissions: &[&str]) -> Box<Self> {
        let code = if permissions.len() == 1 { "missing.permissions" } else { "missing.any.permissions" };
        let list = permissions.join(", ");
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {list}"
        );
        let mut refused = Self::error(403, code, &message);
        if let Some(body) = &mut refused.body {
            put(body, "messageParams", json!({"permissions": list}));
        }
        refused
    }

    pub(super) fn too_many(reset: u64) -> Box<Self> {
        let message = format!("Rate limit exceeded the maximum. Retry the request in [{reset}] seconds");
        let mut refused = Self::error(429, "too.many.requests.retry.after", &message);
        refused.headers.push(("Retry-After", reset.to_string()));
        refused
    }

    /// Every answer has its id, errors in the body as well.
    pub(super) fn correlate(&mut self, id: &str) {
        self.headers.push(("ININ-Correlation-Id", id.to_owned()));
        if let Some(Limits { count, allowed, reset }) = self.limits {
            self.headers.push(("inin-ratelimit-count", count.to_string()));
            self.headers.push(("inin-ratelimit-allowed", allowed.to_string()));
            self.headers.push(("inin-ratelimit-reset", reset.to_string()));
        }
        if let Some(Value::Object(body)) = self.body.as_mut().filter(|_| self.status >= 400) {
            body.insert("contextId".to_owned(), id.into());
        }
    }
}
