//! What the Platform API refuses, and what to do about it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::error::Category;

/// Longest text that is kept of an answer.
const LONGEST: usize = 512;
/// Bytes of an answer that are kept as they came.
const LARGEST: usize = 64 << 10;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    #[error("{host} cannot be reached: {why}; `throughline genesys check` tells how far the way there goes")]
    Unreachable { host: String, why: String },
    #[error(
        "{host} did not answer within {after:?}; where that goes on, `throughline genesys check` tells more"
    )]
    Late { host: String, after: Duration },
    #[error("{0}")]
    Refused(Box<Refused>),
    /// In the words of the way: what the proxy said, and what to do.
    #[error("{host} is not reached: {why}")]
    Proxy { host: String, why: String, passes: bool },
    #[error(
        "the answer to {request} is larger than {limit} bytes and was left; is `region` the right address?"
    )]
    TooLarge { request: String, limit: usize },
    #[error("the answer to {request} cannot be read: {why}")]
    Garbled { request: String, why: String },
    /// Redirects are not followed: a token would go along.
    #[error(
        "{request} was redirected to {to}, which is not followed; set `region` to the address that answers itself"
    )]
    Redirected { request: String, to: String },
}

/// A refusal by the service, in its own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Method and path.
    pub request: String,
    pub status: u16,
    /// `too.many.requests.retry.after`, `missing.permissions` and so on; empty where the service gave none.
    pub code: String,
    pub message: String,
    /// For Genesys' support.
    pub context_id: String,
    /// Names of fields that are wrong.
    pub fields: Vec<String>,
    pub retry_after: Option<Duration>,
    /// The body as it came; empty where it was longer than 64 KiB.
    pub body: Bytes,
}

/// What a refusal amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// The token is not, or no longer, valid.
    Token,
    /// The client may not do this.
    Permission,
    /// A client of client credentials has no user.
    NoUser,
    NotFound,
    TooMany,
    /// The service has trouble; later it may work.
    Busy,
    /// The request is wrong.
    Request,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    message: Option<String>,
    code: Option<String>,
    #[serde(rename = "contextId")]
    context_id: Option<String>,
    details: Vec<Detail>,
    /// OAuth's own form.
    error: Option<String>,
    error_description: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    #[serde(rename = "fieldName")]
    field_name: Option<String>,
}

impl Refused {
    /// Reads a body of the service; one that is not its own gives a refusal without a code.
    pub fn read(request: String, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let kept = if body.len() <= LARGEST { Bytes::copy_from_slice(body) } else { Bytes::new() };
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let text = |text: Option<String>| start_of(text.unwrap_or_default());
        Self {
            request,
            status,
            code: text(body.code.or(body.error)),
            message: text(body.message.or(body.error_description).or(body.description)),
            context_id: text(body.context_id),
            fields: body
                .details
                .into_iter()
                .filter_map(|detail| detail.field_name)
                .take(20)
                .map(start_of_name)
                .collect(),
            retry_after,
            body: kept,
        }
    }

    pub fn what(&self) -> Code {
        match (self.status, self.code.as_str()) {
            (400, "not.a.user") => Code::NoUser,
            (400, _) if self.message.contains("requires a user context") => Code::NoUser,
            (400, "invalid_client" | "invalid_grant") | (401, _) => Code::Token,
            (403, _) => Code::Permission,
            (404 | 410, _) => Code::NotFound,
            (429, _) => Code::TooMany,
            (408 | 500.., _) => Code::Busy,
            _ => Code::Request,
        }
    }

    fn mend(&self) -> &'static str {
        match self.what() {
            Code::Token => {
                "check `client_id` and `client_secret`, that the OAuth client is active, and that it belongs to this region"
            }
            Code::Permission => {
                "give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see"
            }
            Code::NoUser => "client credentials have no user: use the request that names the user",
            Code::NotFound => {
                "it does not exist, is no longer kept, or is in a division that the OAuth client may not see"
            }
            Code::TooMany => "it is asked again when the service said",
            Code::Busy => "it is asked again",
            Code::Request => "see the message of the service",
        }
    }
}

impl PlatformError {
    /// Whether the same request may succeed later.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } => true,
            Self::Proxy { passes, .. } => *passes,
            Self::Refused(refused) => matches!(refused.what(), Code::TooMany | Code::Busy),
            Self::TooLarge { .. } | Self::Garbled { .. } | Self::Redirected { .. } => false,
        }
    }

    /// An answer that is not of the expected form. The words of the reader hold what was read, numbers and names of
    /// customers, and are not told.
    pub(crate) fn garbled(request: String, body: &[u8], error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let why = match error.classify() {
            _ if body.trim_ascii_start().starts_with(b"<") => {
                "it is a web page: look for a proxy on the way that wants a login, and at `region`".to_owned()
            }
            Category::Syntax | Category::Io => {
                format!("it is not JSON (line {line}, column {column}); is `region` the right address?")
            }
            Category::Eof => format!("it ends too early (line {line}, column {column})"),
            Category::Data => {
                format!("a value is of another type than expected (line {line}, column {column})")
            }
        };
        Self::Garbled { request, why }
    }

    /// In one word, for a counter.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Late { .. } => "late",
            Self::Proxy { .. } => "proxy",
            Self::TooLarge { .. } => "too_large",
            Self::Garbled { .. } => "garbled",
            Self::Redirected { .. } => "redirected",
            Self::Refused(refused) => match refused.what() {
                Code::Token => "token",
                Code::Permission => "permission",
                Code::NoUser => "no_user",
                Code::NotFound => "not_found",
                Code::TooMany => "too_many",
                Code::Busy => "busy",
                Code::Request => "refused",
            },
        }
    }

    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refused) => Some(refused.what()),
            _ => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused with {}", self.request, self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        if !self.fields.is_empty() {
            write!(f, " (field {})", self.fields.join(", "))?;
        }
        if !self.context_id.is_empty() {
            write!(f, " [correlation {}]", self.context_id)?;
        }
        write!(f, "; {}", self.mend())
    }
}

fn start_of(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text.retain(|c| !c.is_control());
    text
}

fn start_of_name(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(64));
    start_of(name)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn read(status: u16, body: &str) -> Refused {
        Refused::read("GET /api/v2/routing/queues".to_owned(), status, None, body.as_bytes())
    }

    #[test]
    fn a_refusal_says_what_it_amounts_to() {
        for (status, body, code) in [
            (401, r#"{"code":"bad.credentials"}"#, Code::Token),
            (400, r#"{"error":"invalid_client","description":"client not found: x"}"#, Code::Token),
            (400, r#"{"code":"not.a.user"}"#, Code::NoUser),
            (
                400,
                r#"{"message":"This request requires a user context. Client credentials ..."}"#,
                Code::NoUser,
            ),
            (400, r#"{"code":"invalid.value"}"#, Code::Request),
            (403, "<html>", Code::Permission),
            (404, "", Code::NotFound),
            (429, "{}", Code::TooMany),
            (503, "[1,2]", Code::Busy),
            (500, r#"{"code":7,"details":"none"}"#, Code::Busy),
        ] {
            assert_eq!(read(status, body).what(), code, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let body = r#"{"message":"Unable to perform the requested action. You must have at least one of the following permissions assigned: [routing:queue:view]",
            "code":"missing.any.permissions","status":403,"contextId":"c0ffee","details":[{"fieldName":"queueId"}],"errors":[]}"#;
        expect!["GET /api/v2/routing/queues was refused with 403 missing.any.permissions: Unable to perform the requested action. You must have at least one of the following permissions assigned: [routing:queue:view] (field queueId) [correlation c0ffee]; give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see"]
            .assert_eq(&read(403, body).to_string());
        expect!["GET /api/v2/routing/queues was refused with 502; it is asked again"]
            .assert_eq(&read(502, "Bad gateway").to_string());
    }

    #[test]
    fn what_a_hostile_service_says_is_cut() {
        let long = format!(r#"{{"message":"{}\u001b[31m"}}"#, "é".repeat(10_000));
        let refused = read(400, &long);
        assert!(refused.message.len() <= LONGEST && !refused.to_string().contains('\u{1b}'));
    }
}
