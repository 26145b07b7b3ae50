//! One provider: its keys, and what a token of it says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::Refusal;
use http::Uri;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::Value;
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use super::fetch::Fetch;
use super::keys::{self, Key};
use super::settings::One;
use super::{crypto, denied};
use crate::auth::Identity;

/// Between two requests for keys, whatever tokens come: anyone can make a token that names an unknown key.
const PAUSE: Duration = Duration::from_secs(10);
/// Keys that were withdrawn are believed no longer than this.
const FRESH: Duration = Duration::from_secs(3600);

type Claims = BTreeMap<String, Value>;

pub(super) struct Provider {
    settings: One,
    discovery: Uri,
    fetch: Fetch,
    keys: Mutex<Arc<[Key]>>,
    /// Held while keys are fetched: when they were, and when that was last tried.
    fetched: Turn<(Option<Instant>, Option<Instant>)>,
}

impl Provider {
    pub(super) fn new(settings: One) -> Result<Self, String> {
        crypto::install();
        let issuer = settings.issuer_url.trim_end_matches('/');
        let discovery: Uri = format!("{issuer}/.well-known/openid-configuration")
            .parse()
            .ok()
            .filter(|uri: &Uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some())
            .ok_or_else(|| format!("`{issuer}` is not the URL of an issuer; write https://..."))?;
        let keys = match settings.public_keys_file.as_str() {
            "" => Vec::new(),
            path => keys::of_file(path)?,
        };
        let fetch = Fetch::new(&settings.issuer_ca_path)?;
        Ok(Self { settings, discovery, fetch, keys: Mutex::new(keys.into()), fetched: Turn::default() })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.settings.issuer_url
    }

    /// Keys that come over the network without TLS.
    pub(super) fn is_plain(&self) -> bool {
        let host = self.discovery.host().unwrap_or_default().trim_matches(['[', ']']);
        let plain = self.discovery.scheme_str() == Some("http") && !flow::config::is_loopback(host);
        plain && self.settings.public_keys_file.is_empty()
    }

    /// Who the bearer of a token is, or why it is refused.
    pub(super) async fn identity(&self, token: &str) -> Result<Identity, Refusal> {
        let header =
            decode_header(token).map_err(|_| denied("the token is no JWT with a known algorithm"))?;
        self.keep_fresh().await;
        let fitting = || self.keys().iter().filter(|key| key.fits(&header)).cloned().collect::<Vec<_>>();
        let mut candidates = fitting();
        if candidates.is_empty() {
            let refreshed = self.refresh().await;
            candidates = fitting();
            match refreshed {
                Err(why) if self.keys().is_empty() => {
                    let why = format!("the issuer's keys cannot be fetched: {why}");
                    return Err(Refusal::down(why, PAUSE));
                }
                _ if candidates.is_empty() => {
                    return Err(denied("the token is signed with a key that the issuer does not have"));
                }
                _ => {}
            }
        }
        let validation = self.validation(header.alg);
        let mut refused = denied("the token is not valid");
        for key in candidates {
            match decode::<Claims>(token, &key.key, &validation) {
                Ok(token) => return self.said(&token.claims),
                Err(error) => refused = denied(words(&error)),
            }
        }
        Err(refused)
    }

    fn validation(&self, algorithm: jsonwebtoken::Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if self.settings.ignore_audience {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[&self.settings.audience]);
            required.push("aud");
        }
        if !self.settings.ignore_issuer {
            validation.set_issuer(&[&self.settings.issuer_url]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    /// The attributes of the collector, but for the token itself, which is a secret.
    fn said(&self, claims: &Claims) -> Result<Identity, Refusal> {
        let claim = |name: &str| claims.get(name).map(text);
        let subject = match self.settings.username_claim.as_str() {
            "" => claim("sub").unwrap_or_default(),
            name => claim(name).ok_or_else(|| denied(format!("the token has no claim `{name}`")))?,
        };
        let mut said = vec![("subject".to_owned(), subject)];
        if !self.settings.groups_claim.is_empty() {
            let groups = claim(&self.settings.groups_claim);
            said.push(("membership".to_owned(), groups.unwrap_or_default()));
        }
        said.extend(claims.iter().map(|(name, value)| (format!("claims.{name}"), text(value))));
        Ok(said)
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn keep_fresh(&self) {
        let stale = {
            let (fetched, _) = *self.fetched.lock().await;
            fetched.is_none_or(|at| at.elapsed() > FRESH)
        };
        if stale && let Err(why) = self.refresh().await {
            tracing::debug!(issuer = self.settings.issuer_url, why, "keys were not refreshed");
        }
    }

    /// Fetches the keys, unless that was tried just now. Those of a file stay.
    pub(super) async fn refresh(&self) -> Result<(), String> {
        if !self.settings.public_keys_file.is_empty() {
            return Ok(());
        }
        let mut fetched = self.fetched.lock().await;
        if fetched.1.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return if fetched.0 == fetched.1 { Ok(()) } else { Err("the last attempt failed".to_owned()) };
        }
        let now = Instant::now();
        fetched.1 = Some(now);
        let found = self.fetch_keys().await?;
        fetched.0 = Some(now);
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = found.into();
        Ok(())
    }

    /// OpenID Connect Discovery 1.0, 4.
    async fn fetch_keys(&self) -> Result<Vec<Key>, String> {
        let document = self.fetch.json(&self.discovery).await?;
        let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if named != self.settings.issuer_url && !self.settings.ignore_issuer {
            return Err(format!("{} is the document of another issuer: {named:?}", self.discovery));
        }
        let uri = document.get("jwks_uri").and_then(Value::as_str).and_then(|uri| uri.parse().ok());
        let uri: Uri = uri.ok_or_else(|| format!("{} names no `jwks_uri`", self.discovery))?;
        let keys = keys::of_set(&self.fetch.json(&uri).await?);
        if keys.is_empty() { Err(format!("{uri} has no key that signs tokens")) } else { Ok(keys) }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn words(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks one of exp, aud, iss",
        _ => "the token is not valid",
    }
}
