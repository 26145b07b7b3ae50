//! `oidc`: tokens of an OpenID Connect provider (OpenID Connect Core 1.0, JWT: RFC 7519, RFC 8725), for listeners.

mod settings;
mod crypto;
mod keys;
mod fetch;
mod provider;

use std::sync::Arc;

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Fault, Make, Refusal};
use http::{HeaderMap, HeaderName};

use crate::auth::{Authenticate, Identity, Offer, Offers};
use provider::Provider;
use settings::Settings;

pub static FACTORY: Factory =
    Factory { name: "oidc", aliases: &[], signals: &[], check: settings::check, make: Make::Extension(make) };

/// Bytes of a token; more would be a way to make us work.
const LONGEST: usize = 16 << 10;

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let wrong = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings = section.parse().map_err(|_| wrong("the settings were not checked".into()))?;
    let attribute = settings.attribute.parse();
    let attribute = attribute.map_err(|_| wrong("`attribute` is not the name of a header".into()))?;
    let providers: Result<Vec<_>, _> =
        settings.all().into_iter().map(|settings| Provider::new(settings).map_err(wrong)).collect();
    let oidc = Oidc(Arc::new(Inner { attribute, providers: providers? }));
    Offers::add(ctx, Offer::Server(Arc::new(oidc.clone())));
    Ok(Arc::new(oidc))
}

#[derive(Clone)]
struct Oidc(Arc<Inner>);

struct Inner {
    attribute: HeaderName,
    providers: Vec<Provider>,
}

impl Extension for Oidc {
    /// The providers' keys are fetched beforehand; one that does not answer is asked again with the first token.
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            for provider in &self.0.providers {
                let this = self.clone();
                let issuer = provider.issuer().to_owned();
                tokio::spawn(async move {
                    let found = this.0.providers.iter().find(|provider| provider.issuer() == issuer);
                    let Some(provider) = found else { return };
                    if let Err(why) = provider.refresh().await {
                        tracing::warn!(issuer, why, "no keys yet: clients are told to come back");
                    }
                });
            }
            Ok(())
        })
    }
}

impl Oidc {
    async fn check(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let shown = headers.get(&self.0.attribute).and_then(|value| value.to_str().ok());
        let shown = shown.ok_or_else(|| denied("authentication didn't succeed: no token"))?;
        let (scheme, token) = shown.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("Bearer") || token.len() > LONGEST {
            return Err(denied("invalid or unsupported authorization header; expected `Bearer <token>`"));
        }
        let token = token.trim();
        let provider = match self.0.providers.as_slice() {
            [only] => only,
            several => {
                let issuer =
                    keys::issuer(token).ok_or_else(|| denied("the token is no JWT with an issuer"))?;
                let known = several.iter().find(|provider| provider.issuer() == issuer);
                known.ok_or_else(|| denied("the token's issuer is none of `providers`"))?
            }
        };
        provider.identity(token).await
    }
}

impl Authenticate for Oidc {
    fn who<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, Refusal>> {
        Box::pin(self.check(headers))
    }

    fn challenge(&self) -> &'static str {
        "Bearer realm=\"throughline\""
    }
}

fn denied(why: impl Into<String>) -> Refusal {
    Refusal { fault: Fault::Denied, why: why.into(), retry_after: None }
}
