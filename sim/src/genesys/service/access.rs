//! Who may come in: the client's secret, tokens, permissions, and how often.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::answer::{Limits, parse_query};
use super::{Answer, Options, Request, Service};
use crate::genesys::ids::{self, named};
use crate::genesys::record::org;
use crate::genesys::time::iso;

/// Tokens that are remembered; the oldest go first.
const MAX_TOKENS: usize = 10_000;
const WINDOW_MS: u64 = 60_000;

#[derive(Default)]
pub(super) struct Access {
    tokens: HashMap<String, Token>,
}

struct Token {
    expires: u64,
    window: u64,
    count: u64,
}

impl Access {
    /// The token of a request, if it is good.
    pub(super) fn token(&self, request: &Request, now: u64) -> Result<String, Box<Answer>> {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = bearer else {
            let message = "No authentication bearer token specified in authorization header.";
            return Err(Answer::error(401, "authentication.required", message));
        };
        if self.tokens.get(token).is_some_and(|known| known.expires > now) {
            return Ok(token.to_owned());
        }
        Err(Answer::error(401, "bad.credentials", "Invalid login credentials."))
    }

    /// Counts a request of a token; above the limit it is refused.
    pub(super) fn count(&mut self, token: &str, now: u64, options: &Options) -> Result<Limits, Box<Answer>> {
        let allowed = options.requests_per_minute;
        let Some(known) = self.tokens.get_mut(token) else {
            return Ok(Limits { count: 0, allowed, reset: 0 });
        };
        if now >= known.window + WINDOW_MS {
            known.window = now;
            known.count = 0;
        }
        known.count += 1;
        let reset = (known.window + WINDOW_MS - now).div_ceil(1000);
        let limits = Limits { count: known.count, allowed, reset };
        if known.count <= allowed {
            return Ok(limits);
        }
        let mut refused = Answer::too_many(reset);
        refused.limits = Some(limits);
        Err(refused)
    }

    /// Takes all tokens away.
    pub(super) fn revoke_all(&mut self) {
        self.tokens.clear();
    }
}

impl Service {
    /// `POST /oauth/token`.
    pub(super) fn grant(&mut self, request: &Request) -> Result<Answer, Box<Answer>> {
        let form = parse_query(std::str::from_utf8(&request.body).unwrap_or_default());
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if field("grant_type") != Some("client_credentials") {
            let body = json!({"error": "unsupported_grant_type", "description": "grant_type must be client_credentials", "error_description": "grant_type must be client_credentials"});
            return Err(Box::new(Answer { status: 400, ..Answer::ok(body) }));
        }
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = header
            .and_then(|header| header.strip_prefix("Basic "))
            .and_then(|text| STANDARD.decode(text).ok());
        let expected = format!("{}:{}", self.options.client_id, self.options.client_secret);
        if basic.as_deref() != Some(expected.as_bytes()) {
            let body = json!({"error": "invalid_client", "description": "client not found or secret wrong", "error_description": "client not found or secret wrong"});
            return Err(Box::new(Answer { status: 401, ..Answer::ok(body) }));
        }
        let token =
            format!("{}{}", ids::uuid(&mut self.chance), ids::uuid(&mut self.chance)).replace('-', "");
        let expires = self.now.saturating_add(self.options.token_validity_s.saturating_mul(1000));
        if self.access.tokens.len() >= MAX_TOKENS {
            let oldest =
                self.access.tokens.iter().min_by_key(|(_, token)| token.expires).map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                self.access.tokens.remove(&id);
            }
        }
        self.access.tokens.insert(token.clone(), Token { expires, window: self.now, count: 0 });
        let seconds = self.options.token_validity_s;
        Ok(Answer::ok(json!({"access_token": token, "token_type": "bearer", "expires_in": seconds})))
    }

    /// `/api/v2/tokens/me`: what the token is, or its end.
    pub(super) fn own_token(&mut self, request: &Request, token: &str) -> Result<Answer, Box<Answer>> {
        match request.method {
            Method::GET => Ok(Answer::ok(self.token_info(token))),
            Method::HEAD => Ok(Answer::empty(200)),
            Method::DELETE => {
                self.access.tokens.remove(token);
                Ok(Answer::empty(200))
            }
            _ => Err(Answer::error(405, "bad.request", "tokens/me knows GET, HEAD and DELETE")),
        }
    }

    fn token_info(&self, token: &str) -> Value {
        let organization = json!({"id": org::organization_id(), "name": "Simulated"});
        json!({
            "organization": organization,
            "homeOrganization": organization,
            "authorizedScope": [],
            "dateTokenIdles": self.access.tokens.get(token).map(|token| iso(token.expires)),
            "OAuthClient": {"id": named("client", &self.options.client_id), "name": self.options.client_id, "organization": organization},
        })
    }
}
