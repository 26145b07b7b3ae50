//! Who may come in: the authenticator and the middlewares that a listener names.

use std::net::SocketAddr;
use std::sync::Arc;

use flow::{BuildError, Ctx, Refusal};
use http::{HeaderMap, HeaderName, Uri};
use prometheus::IntCounter;

use crate::auth::{Authenticate, Charge, Identity, Limit, Offers, Sender};
use crate::net::serve::{Auth, Middleware};

/// Stands between a request's head and its body.
#[derive(Clone, Default)]
pub struct Gate {
    denied: Option<IntCounter>,
    limited: Option<IntCounter>,
    auth: Option<Arc<dyn Authenticate>>,
    /// Query parameters that are read as headers, for clients that cannot set any.
    params: Arc<[HeaderName]>,
    limits: Arc<[Arc<dyn Limit>]>,
}

/// A request that came in.
#[derive(Clone, Default)]
pub struct Admitted {
    pub identity: Identity,
    accounts: Vec<Arc<dyn Charge>>,
}

/// Why one did not.
pub struct TurnedAway {
    pub refusal: Refusal,
    /// `WWW-Authenticate`, where the client could show who it is.
    pub challenge: Option<&'static str>,
}

impl Gate {
    pub fn new(ctx: &Ctx, auth: Option<&Auth>, middlewares: &[Middleware]) -> Result<Self, BuildError> {
        let limits: Result<Vec<_>, _> =
            middlewares.iter().map(|middleware| Offers::limit(ctx, &middleware.id)).collect();
        let params = auth.map(|auth| auth.request_params.as_slice()).unwrap_or_default();
        let counter = |reason: &str| {
            let help = "Requests that an authenticator or a middleware refused.";
            let name = "throughline_listener_turned_away_requests";
            let family = ctx.telemetry.counter(name, help, &["component", "reason"]);
            family.with_label_values(&[&*ctx.id, reason])
        };
        Ok(Self {
            denied: auth.map(|_| counter("authentication")),
            limited: (!middlewares.is_empty()).then(|| counter("limit")),
            auth: auth.map(|auth| Offers::server(ctx, &auth.authenticator)).transpose()?,
            params: params.iter().filter_map(|name| name.parse().ok()).collect(),
            limits: limits?.into(),
        })
    }

    /// Asks everybody who has a say, by the head alone.
    pub async fn admit(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Admitted, TurnedAway> {
        let mut admitted = Admitted::default();
        if let Some(auth) = &self.auth {
            let known = match self.with_params(uri, headers) {
                Some(headers) => auth.who(&headers).await,
                None => auth.who(headers).await,
            };
            admitted.identity = known.map_err(|refusal| {
                self.denied.iter().for_each(IntCounter::inc);
                TurnedAway { refusal, challenge: Some(auth.challenge()) }
            })?;
        }
        let sender = Sender { peer, headers, identity: &admitted.identity };
        let accounts: Result<Vec<_>, Refusal> =
            self.limits.iter().map(|limit| limit.account(&sender)).collect();
        admitted.accounts = accounts.map_err(|refusal| {
            self.limited.iter().for_each(IntCounter::inc);
            TurnedAway { refusal, challenge: None }
        })?;
        Ok(admitted)
    }

    /// The headers with the parameters of the query among them; none where the query has none of them.
    fn with_params(&self, uri: &Uri, headers: &HeaderMap) -> Option<HeaderMap> {
        let query = uri.query().filter(|_| !self.params.is_empty())?;
        let mut all = None;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let name = self.params.iter().find(|known| known.as_str().eq_ignore_ascii_case(name));
            if let (Some(name), Some(value)) = (name, decoded(value)) {
                all.get_or_insert_with(|| headers.clone()).entry(name).or_insert(value);
            }
        }
        all
    }
}

impl Admitted {
    /// A body of so many bytes and items was read.
    pub fn charge(&self, bytes: usize, items: usize) {
        self.accounts.iter().for_each(|account| account.charge(bytes, items));
    }
}

/// A value of a query (`application/x-www-form-urlencoded`).
fn decoded(value: &str) -> Option<http::HeaderValue> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    let mut value = http::HeaderValue::from_bytes(&bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_headers() {
        let gate = Gate { params: ["authorization".parse().unwrap()].into(), ..Gate::default() };
        let mut headers = HeaderMap::new();
        let read = |uri: &str, headers: &HeaderMap| {
            let all = gate.with_params(&uri.parse().unwrap(), headers)?;
            Some(all.get("authorization")?.to_str().unwrap().to_owned())
        };
        assert_eq!(read("/v1/traces", &headers), None);
        assert_eq!(read("/v1/traces?x=1&token=2", &headers), None);
        assert_eq!(read("/?Authorization=Basic+YTpi%3D", &headers).unwrap(), "Basic YTpi=");
        assert_eq!(read("/?authorization=%zz", &headers), None);
        assert_eq!(read("/?authorization=a%0ab", &headers), None);
        headers.insert("authorization", "Bearer 1".parse().unwrap());
        assert_eq!(read("/?authorization=other", &headers).unwrap(), "Bearer 1", "the header goes first");
    }
}
