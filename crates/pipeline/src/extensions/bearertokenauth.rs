//! `bearertokenauth`: tokens (RFC 6750) that listeners ask for and exporters show.

mod tokens;

use std::sync::Arc;

use flow::config::{Finding, Node, Opaque};
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Fault, Make, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::Passive;
use crate::auth::{Authenticate, Credentials, Identity, Offer, Offers};
use tokens::Tokens;

pub static FACTORY: Factory =
    Factory { name: "bearertokenauth", aliases: &[], signals: &[], check, make: Make::Extension(make) };

#[derive(Clone, Deserialize)]
#[serde(default)]
struct Settings {
    header: String,
    scheme: String,
    token: Opaque,
    tokens: Vec<Opaque>,
    filename: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header: "Authorization".to_owned(),
            scheme: "Bearer".to_owned(),
            token: Opaque::default(),
            tokens: Vec::new(),
            filename: String::new(),
        }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    let at = |key: &str| section.get(key).unwrap_or(section);
    if settings.header.parse::<HeaderName>().is_err() {
        findings.push(Finding::error(at("header"), "this is not the name of a header"));
    }
    let given = [
        ("token", !settings.token.0.is_empty()),
        ("tokens", !settings.tokens.is_empty()),
        ("filename", !settings.filename.is_empty()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect();
    match given.as_slice() {
        [] => findings.push(
            Finding::error(section, "there is no token")
                .help("write `token: ${env:TOKEN}`, or `filename` with one token a line"),
        ),
        ["token", "tokens"] => findings.push(
            Finding::error(at("tokens"), "`token` and `tokens` are both set")
                .help("write them all in `tokens`"),
        ),
        [first, .., "filename"] => findings.push(
            Finding::advice(at(first), "the tokens of `filename` are used instead").help("leave it out"),
        ),
        _ => {}
    }
    if let Err(why) = Tokens::new(&settings) {
        findings.push(Finding::error(at(given.last().unwrap_or(&"token")), why));
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let wrong = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings = section.parse().map_err(|_| wrong("the settings were not checked".into()))?;
    let header = settings.header.parse().map_err(|_| wrong("`header` is not the name of a header".into()))?;
    let tokens = Tokens::new(&settings).map_err(wrong)?;
    let bearer = Arc::new(Bearer { header, tokens });
    Offers::add(ctx, Offer::Both(bearer.clone(), bearer));
    Ok(Arc::new(Passive))
}

struct Bearer {
    header: HeaderName,
    tokens: Tokens,
}

impl Authenticate for Bearer {
    fn who<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, Refusal>> {
        let denied = |why: String| Err(Refusal { fault: Fault::Denied, why, retry_after: None });
        let decision = match headers.get(&self.header) {
            None => denied(format!("missing or empty header: {}", self.header)),
            Some(shown) if self.tokens.has(shown.as_bytes()) => Ok(Identity::new()),
            Some(_) => denied("scheme or token does not match".to_owned()),
        };
        Box::pin(std::future::ready(decision))
    }

    fn challenge(&self) -> &'static str {
        "Bearer realm=\"throughline\""
    }
}

impl Credentials for Bearer {
    fn header(&self) -> Result<(HeaderName, HeaderValue), String> {
        Ok((self.header.clone(), self.tokens.first()?))
    }
}
