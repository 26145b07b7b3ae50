//! Why a handshake was refused, and what to do: which token was sent, to which host.

use http::StatusCode;

/// Longest text of the answer that is shown.
const LONGEST: usize = 160;

/// A handshake that was answered with something else than a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'r> {
    /// `wss://api.mypurecloud.com/api/v2/...`, without the query.
    pub(crate) address: &'r str,
    pub(crate) host: &'r str,
    /// Where the token is from.
    pub(crate) login: &'r str,
    pub(crate) client: &'r str,
    pub(crate) status: StatusCode,
    pub(crate) body: &'r [u8],
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Body {
    code: String,
    message: String,
}

impl Refusal<'_> {
    pub(crate) fn explain(&self) -> String {
        let Self { address, host, login, client, status, body } = self;
        let Body { code, message } = serde_json::from_slice(body).unwrap_or_default();
        let shown = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>();
        let mut text = format!("{address} refused the handshake with {}", status.as_u16());
        for (before, part) in [(" ", &code), (": ", &message)] {
            if !part.is_empty() {
                text += before;
                text += shown(part).trim_end_matches('.');
            }
        }
        text += &format!(". Sent was the token that {login} gave to the OAuth client {client}, to {host}. ");
        text += &match (status.as_u16(), code.as_str()) {
            (401, "authentication.required") => format!(
                "It did not arrive there: let whatever stands between here and {host} pass the header Authorization of upgrade requests"
            ),
            (401, "") => format!(
                "The answer is not that of the API: look for a proxy or gateway on the way that wants a login of its own, and whether {host} has a WebSocket there at all; the API as it is documented has channels alone (`dialect: public_api`)"
            ),
            (401, _) => format!(
                "It is not valid there: check that the OAuth client is active, that its token was not revoked, and that `region` is the client's own, for {host} knows no tokens of other regions"
            ),
            (403, _) => "The client may not listen: give a role with analytics:conversationDetail:view to it (Admin, Integrations, OAuth, Roles)".to_owned(),
            (404, _) => format!("{host} has no WebSocket there; the API as it is documented has channels alone (`dialect: public_api`)"),
            _ => "It is tried again".to_owned(),
        };
        if matches!(status.as_u16(), 401 | 403) {
            text += "; a traceparent has no part in this: handshakes lose it, it goes in the first message";
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(status: u16, body: &str, expected: Expect) {
        let refusal = Refusal {
            address: "wss://api.mypurecloud.com/api/v2/analytics/conversations/events",
            host: "api.mypurecloud.com",
            login: "login.mypurecloud.com",
            client: "0a1b2c3d",
            status: StatusCode::from_u16(status).unwrap(),
            body: body.as_bytes(),
        };
        expected.assert_eq(&refusal.explain());
    }

    #[test]
    fn a_refused_handshake_says_which_token_which_host_and_what_to_do() {
        check(
            401,
            r#"{"code":"bad.credentials","message":"Invalid login credentials.","status":401}"#,
            expect![
                "wss://api.mypurecloud.com/api/v2/analytics/conversations/events refused the handshake with 401 bad.credentials: Invalid login credentials. Sent was the token that login.mypurecloud.com gave to the OAuth client 0a1b2c3d, to api.mypurecloud.com. It is not valid there: check that the OAuth client is active, that its token was not revoked, and that `region` is the client's own, for api.mypurecloud.com knows no tokens of other regions; a traceparent has no part in this: handshakes lose it, it goes in the first message"
            ],
        );
        check(
            401,
            r#"{"code":"authentication.required","message":"No authentication bearer token specified in authorization header."}"#,
            expect![
                "wss://api.mypurecloud.com/api/v2/analytics/conversations/events refused the handshake with 401 authentication.required: No authentication bearer token specified in authorization header. Sent was the token that login.mypurecloud.com gave to the OAuth client 0a1b2c3d, to api.mypurecloud.com. It did not arrive there: let whatever stands between here and api.mypurecloud.com pass the header Authorization of upgrade requests; a traceparent has no part in this: handshakes lose it, it goes in the first message"
            ],
        );
        check(
            401,
            "<html>Login</html>",
            expect![
                "wss://api.mypurecloud.com/api/v2/analytics/conversations/events refused the handshake with 401. Sent was the token that login.mypurecloud.com gave to the OAuth client 0a1b2c3d, to api.mypurecloud.com. The answer is not that of the API: look for a proxy or gateway on the way that wants a login of its own, and whether api.mypurecloud.com has a WebSocket there at all; the API as it is documented has channels alone (`dialect: public_api`); a traceparent has no part in this: handshakes lose it, it goes in the first message"
            ],
        );
        check(
            404,
            "",
            expect![
                "wss://api.mypurecloud.com/api/v2/analytics/conversations/events refused the handshake with 404. Sent was the token that login.mypurecloud.com gave to the OAuth client 0a1b2c3d, to api.mypurecloud.com. api.mypurecloud.com has no WebSocket there; the API as it is documented has channels alone (`dialect: public_api`)"
            ],
        );
    }

    #[test]
    fn what_a_hostile_service_says_is_cut() {
        let long = format!(r#"{{"code":"x","message":"{}\u001b[31m"}}"#, "é".repeat(10_000));
        let refusal = Refusal {
            address: "wss://h/p",
            host: "h",
            login: "l",
            client: "c",
            status: StatusCode::UNAUTHORIZED,
            body: long.as_bytes(),
        };
        let text = refusal.explain();
        assert!(text.len() < 1000 && !text.contains('\u{1b}'), "{text}");
    }
}
