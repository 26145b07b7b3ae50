//! Who asks, and what that one may.
//!
//! `gate` stands before every address that tells or changes anything; `access` says what each needs. People sign in with a
//! password and get a session; programs send a token of the settings. Without the section `auth` everybody is one and the same.

pub(crate) mod settings;
pub(crate) mod role;
mod password;
mod random;
mod attempts;
mod sessions;
pub(crate) mod access;
pub(crate) mod gate;
pub(crate) mod routes;

pub use password::hash as hash_password;
pub(crate) use role::{By, Role, Who};

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use attempts::Attempts;
use password::Passwords;
use sessions::Sessions;
use settings::Auth;

/// The header in which a page sends its session's token for changes, which no other page can know.
pub(crate) const CSRF: &str = "throughline-csrf";

/// Who may come in.
pub(crate) struct Doors {
    /// Without the section `auth`: who everybody is.
    everybody: Option<Who>,
    users: Vec<(String, Role)>,
    tokens: Vec<([u8; 32], Who)>,
    passwords: Passwords,
    attempts: Attempts,
    sessions: Sessions,
    /// Cookies go over TLS alone.
    secure: bool,
}

/// What a request shows of who sends it.
pub(crate) enum Shown {
    Nobody,
    /// Something that is not known, or not any more.
    Unknown,
    Known(Who),
    /// With what the page has to send for changes.
    Session(Who, String),
}

impl Doors {
    pub(crate) fn new(auth: Option<&Auth>, otherwise: Role, local: bool, secure: bool) -> Self {
        let everybody = auth.is_none().then(|| Who {
            name: Arc::from(if local { "local" } else { "anonymous" }),
            role: otherwise,
            by: By::Nothing,
        });
        let usual = Auth::default();
        let auth = auth.unwrap_or(&usual);
        let token = |token: &settings::Token| {
            let who = Who { name: Arc::from(&*token.name), role: token.role, by: By::Token };
            (digest(&token.token.0), who)
        };
        Self {
            everybody,
            users: auth.users.iter().map(|user| (user.name.clone(), user.role)).collect(),
            tokens: auth.tokens.iter().map(token).collect(),
            passwords: Passwords::new(
                auth.users.iter().map(|user| (user.name.clone(), user.password_hash.0.clone())),
            ),
            attempts: Attempts::default(),
            sessions: Sessions::new(auth.session_lifetime.get(), auth.session_idle.get()),
            secure,
        }
    }

    /// Everybody who has a name here, for those who may know.
    pub(crate) fn known(&self) -> Vec<Who> {
        let users = self.users.iter().map(|(name, role)| Who {
            name: Arc::from(&**name),
            role: *role,
            by: By::Password,
        });
        users.chain(self.tokens.iter().map(|(_, who)| who.clone())).collect()
    }

    /// People can sign in.
    pub(crate) fn takes_passwords(&self) -> bool {
        !self.users.is_empty()
    }

    pub(crate) fn who(&self, headers: &HeaderMap) -> Shown {
        if let Some(everybody) = &self.everybody {
            return Shown::Known(everybody.clone());
        }
        if headers.contains_key(header::AUTHORIZATION) {
            return match authorization(headers, "bearer").and_then(|token| self.bearer(token)) {
                Some(who) => Shown::Known(who),
                None => Shown::Unknown,
            };
        }
        let mut shown = Shown::Nobody;
        for token in cookies(headers, self.cookie()) {
            match self.sessions.get(token) {
                Some((who, csrf)) => return Shown::Session(who, csrf),
                None => shown = Shown::Unknown,
            }
        }
        shown
    }

    /// A token of the settings, or of a session: no other page can send this header. All are compared, so that the time
    /// tells nothing.
    fn bearer(&self, token: &str) -> Option<Who> {
        let shown = digest(token);
        let mut found = None;
        for (known, who) in &self.tokens {
            if bool::from(known.ct_eq(&shown)) {
                found = Some(who.clone());
            }
        }
        found.or_else(|| self.sessions.get(token).map(|(who, _)| who))
    }

    /// Browsers take a cookie of this name only over TLS, and from no other host.
    fn cookie(&self) -> &'static str {
        if self.secure { "__Host-throughline" } else { "throughline" }
    }

    fn set_cookie(&self, token: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.cookie();
        format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What the header `authorization` has of a scheme.
fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (shown, what) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    shown.eq_ignore_ascii_case(scheme).then_some(what.trim())
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}
