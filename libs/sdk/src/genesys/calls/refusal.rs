//! What the service refuses, in its own words, and what that amounts to.

use std::time::Duration;

use serde_json::Value;

use super::api::Answer;

/// Longest text that is kept of an answer.
const LONGEST: usize = 512;
/// Fields and permissions that are kept.
const MOST: usize = 20;

/// A refusal as the service words it: its error body (`ErrorBody` of the SDKs), read leniently.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// `invalid.value`, `missing.permissions`, `not.a.user` and so on; empty where it gave none.
    pub code: String,
    /// Its message; it may quote what was sent.
    pub message: String,
    /// `details[].fieldName`.
    pub fields: Vec<String>,
    /// The permissions that it says are missing; each of them, or one of them where the code is
    /// `missing.any.permissions`.
    pub permissions: Vec<String>,
    /// `contextId`, for the support of Genesys.
    pub correlation: String,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

/// What a refusal amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The token is not valid, or no longer.
    Token,
    /// A permission or a scope is missing.
    Permission,
    /// The request takes the token of a user.
    NeedsUser,
    /// The user has no phone.
    NoStation,
    /// A field is wrong.
    Field,
    /// The call is not in a state in which this could be done.
    State,
    /// Something named in the request does not exist, or is not visible to the token.
    NotFound,
    /// Too many requests.
    TooMany,
    /// The service has trouble.
    Busy,
    /// Another reason.
    Other,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub fn read(answer: &Answer) -> Self {
        let body = answer.json().unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(short).unwrap_or_default();
        let details = body.get("details").and_then(Value::as_array);
        let fields = details.into_iter().flatten().filter_map(|detail| detail.get("fieldName")?.as_str());
        let message = text("message");
        Self {
            status: answer.status,
            code: text("code"),
            fields: fields.take(MOST).map(short).collect(),
            permissions: permissions(&body, &message),
            correlation: text("contextId"),
            retry_after: answer.retry_after,
            message,
        }
    }

    /// What it amounts to.
    pub fn reason(&self) -> Reason {
        match (self.status, self.code.as_str()) {
            (400, "not.a.user") => Reason::NeedsUser,
            (400, _) if self.message.contains("requires a user context") => Reason::NeedsUser,
            (400, "conversation.error.no.user.station") => Reason::NoStation,
            (400, code) if code.contains("not.connected") || code.contains("acd.call.unattended") => {
                Reason::State
            }
            (404, code) if code.contains("consult.transfer.pending") => Reason::State,
            (400, "queue.not.found") | (404 | 410, _) => Reason::NotFound,
            (400 | 422, _) => Reason::Field,
            (401, _) => Reason::Token,
            (403, _) => Reason::Permission,
            (429, _) => Reason::TooMany,
            (408 | 500.., _) => Reason::Busy,
            _ => Reason::Other,
        }
    }
}

/// `messageParams.permissions`, or names like `conversation:call:add` in the message.
fn permissions(body: &Value, message: &str) -> Vec<String> {
    let listed =
        body.get("messageParams").and_then(|params| params.get("permissions")).and_then(Value::as_str);
    let listed = listed.map(short);
    let between = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '_');
    let names = listed.as_deref().unwrap_or(message).split(between);
    let mut found: Vec<String> = Vec::new();
    for name in names.map(|name| name.trim_end_matches(':')) {
        let parts = name.split(':').filter(|part| !part.is_empty()).count();
        if parts == 3 && name.matches(':').count() == 2 && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found.truncate(MOST);
    found
}

/// The beginning of a text of the service, without control characters.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: u16, body: &Value) -> Refusal {
        Refusal::read(&Answer { status, retry_after: None, body: body.to_string().into_bytes() })
    }

    #[test]
    fn reasons() {
        for (status, code, reason) in [
            (400, "not.a.user", Reason::NeedsUser),
            (400, "conversation.error.no.user.station", Reason::NoStation),
            (400, "invalid.value", Reason::Field),
            (400, "too.many.create.conversation.parameters", Reason::Field),
            (400, "queue.not.found", Reason::NotFound),
            (400, "conversations.error.transfer.not.connected", Reason::State),
            (400, "conversations.error.transfer.acd.call.unattended", Reason::State),
            (404, "conversation.error.consult.transfer.pending.not.found", Reason::State),
            (404, "conversation.error.conversation.not.found", Reason::NotFound),
            (401, "bad.credentials", Reason::Token),
            (403, "missing.permissions", Reason::Permission),
            (403, "", Reason::Permission),
            (429, "too.many.requests.retry.after", Reason::TooMany),
            (503, "service.unavailable", Reason::Busy),
            (302, "", Reason::Other),
        ] {
            assert_eq!(read(status, &json!({"code": code})).reason(), reason, "{status} {code}");
        }
        let told =
            json!({"message": "This request requires a user context. Client credentials cannot be used."});
        assert_eq!(read(400, &told).reason(), Reason::NeedsUser);
    }

    #[test]
    fn missing_permissions_are_found() {
        let listed = json!({"messageParams": {"permissions": "conversation:call:add, conversation:agentlessCall:add"}});
        assert_eq!(
            read(403, &listed).permissions,
            ["conversation:call:add", "conversation:agentlessCall:add"]
        );
        let told = json!({"message": "You must have at least one of: [conversation:call:add, conversation:call:add]. Note: ask a:b"});
        assert_eq!(read(403, &told).permissions, ["conversation:call:add"]);
        assert!(read(403, &json!({"message": "at 10:20:30pm: no"})).permissions.len() <= 1);
    }

    #[test]
    fn what_is_no_error_body_is_still_a_refusal() {
        for body in ["", "<html>", "[]", "7", r#"{"code":7,"details":{},"message":null}"#, "\u{0}"] {
            let answer = Answer { status: 400, retry_after: None, body: body.into() };
            assert_eq!(Refusal::read(&answer), Refusal { status: 400, ..Refusal::default() });
        }
        let long = json!({"message": format!("{}\u{1b}[31m", "é".repeat(9999)), "details": vec![json!({"fieldName": "x"}); 99]});
        let refusal = read(400, &long);
        assert_eq!((refusal.message.chars().count(), refusal.fields.len()), (LONGEST, MOST));
    }
}
