//! Who may come in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::config::Opaque;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

pub(super) const ONE: &str = "write exactly one of `basic`, `api_key` and `bearer`";

/// What whoever comes has to send: one of these.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Auth {
    pub(crate) basic: Option<Basic>,
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) bearer: Option<Opaque>,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Basic {
    pub(crate) username: String,
    pub(crate) password: Opaque,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiKey {
    pub(crate) header: String,
    pub(crate) value: Opaque,
}

/// A header that has to be there, and what it has to say.
#[derive(Debug)]
pub(crate) struct Lock {
    header: HeaderName,
    /// What stands before the secret, in any case.
    scheme: Option<&'static str>,
    secret: Opaque,
    pub(crate) challenge: HeaderValue,
}

impl Lock {
    /// `realm` is a plain word, for the challenge.
    pub(crate) fn of(auth: &Auth, realm: &str) -> Result<Self, String> {
        let challenge = |scheme: &str, more: &str| {
            HeaderValue::from_str(&format!("{scheme} realm=\"{realm}\"{more}"))
                .map_err(|_| format!("{realm:?} is no realm"))
        };
        let lock = match auth {
            Auth { basic: Some(Basic { username, password }), api_key: None, bearer: None } => {
                if username.is_empty() || username.contains(':') || password.0.is_empty() {
                    return Err("`basic` needs a `username` without a colon, and a `password`".to_owned());
                }
                Self {
                    header: AUTHORIZATION,
                    scheme: Some("Basic"),
                    secret: Opaque(STANDARD.encode(format!("{username}:{}", password.0))),
                    challenge: challenge("Basic", r#", charset="UTF-8""#)?,
                }
            }
            Auth { basic: None, api_key: Some(ApiKey { header, value }), bearer: None } => Self {
                header: header.parse().map_err(|_| format!("{header:?} is no name of a header"))?,
                scheme: None,
                secret: value.clone(),
                challenge: challenge("ApiKey", "")?,
            },
            Auth { basic: None, api_key: None, bearer: Some(token) } => Self {
                header: AUTHORIZATION,
                scheme: Some("Bearer"),
                secret: token.clone(),
                challenge: challenge("Bearer", "")?,
            },
            _ => return Err(ONE.to_owned()),
        };
        // A header is read without the blanks around it.
        if lock.secret.0.trim().is_empty() || lock.secret.0.trim() != lock.secret.0 {
            return Err("the secret is empty, or has blanks around it".to_owned());
        }
        Ok(lock)
    }

    /// In a time that tells nothing of the secret but its length.
    pub(crate) fn opens(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(&self.header).map_or(&b""[..], HeaderValue::as_bytes);
        let given = match self.scheme {
            Some(scheme) => after(scheme, given).unwrap_or_default(),
            None => given,
        };
        given.ct_eq(self.secret.0.as_bytes()).into()
    }
}

fn after<'a>(scheme: &str, given: &'a [u8]) -> Option<&'a [u8]> {
    let (name, rest) = given.split_at_checked(scheme.len())?;
    let secret = rest.trim_ascii_start();
    (name.eq_ignore_ascii_case(scheme.as_bytes()) && secret.len() < rest.len()).then_some(secret)
}
