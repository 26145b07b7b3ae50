//! The token of client credentials: fetched when needed, renewed before it ends, never shown.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use flow::config::Opaque;
use serde::Deserialize;

/// Life of a token where the service does not tell.
const USUAL: Duration = Duration::from_secs(24 * 3600);

/// An OAuth client of the grant "client credentials".
#[derive(Clone, Debug)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: Opaque,
}

/// Where tokens come from.
#[derive(Clone, Debug)]
pub enum Grant {
    /// They are fetched, and renewed, for an OAuth client.
    Client(Credentials),
    /// Somebody has logged in elsewhere; when this one ends, nothing works any more.
    Token(Opaque),
}

impl From<Credentials> for Grant {
    fn from(credentials: Credentials) -> Self {
        Self::Client(credentials)
    }
}

/// What requests carry.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    /// From then on a new one is fetched first.
    pub(super) renew: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("renew", &self.renew).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Token {
    /// Reads the answer to a token request that was sent at `sent`.
    pub(super) fn read(body: &[u8], sent: Instant) -> Result<Self, String> {
        // The error of a reader can hold what was read: the token.
        let granted: Granted = serde_json::from_slice(body)
            .map_err(|_| "it is not a JSON object with `access_token`".to_owned())?;
        let life = granted.expires_in.map_or(USUAL, Duration::from_secs).min(USUAL * 2);
        // A tenth of its life early, since a conversation must not wait for a login.
        let token = Self { value: granted.access_token, renew: sent + life - life / 10 };
        token.checked().ok_or_else(|| "`access_token` is not a token".to_owned())
    }

    /// A token that somebody else got; how long it lives is not known.
    pub(super) fn given(value: &Opaque, now: Instant) -> Result<Self, String> {
        let token = Self { value: value.0.clone(), renew: now + USUAL };
        token.checked().ok_or_else(|| "the token has characters that no token has".to_owned())
    }

    fn checked(self) -> Option<Self> {
        let fits = !self.value.is_empty() && self.value.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now = Instant::now();
        for (body, seconds) in [
            (r#"{"access_token":"abc","expires_in":600,"token_type":"bearer"}"#, 540),
            (r#"{"access_token":"abc"}"#, 77_760),
            (r#"{"access_token":"abc","expires_in":18446744073709551615}"#, 155_520),
        ] {
            let token = Token::read(body.as_bytes(), now).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((token.value.as_str(), token.renew - now), ("abc", Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token { value: "s3cret".to_owned(), renew: Instant::now() };
        let credentials =
            Credentials { client_id: "id".to_owned(), client_secret: Opaque("s3cret".to_owned()) };
        assert!(!format!("{token:?} {credentials:?}").contains("s3cret"));
        for body in [
            r#"{"access_token":"s3cret\n"}"#,
            r#"{"access_token":["s3cret"]}"#,
            "s3cret",
            r#"{"access_token":""}"#,
        ] {
            let why = Token::read(body.as_bytes(), Instant::now()).expect_err(body);
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
