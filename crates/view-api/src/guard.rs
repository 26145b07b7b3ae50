//! Who may ask: requests whose `Host` names this machine, and no page of another origin.
//!
//! A browser sends a request to 127.0.0.1 on behalf of any page whose name its owner has pointed there (DNS
//! rebinding). Such a request still carries that name.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flow::config::is_loopback;

use crate::error::{ApiError, Told};
use crate::grpc;
use crate::patient::{Held, Left, Place};
use crate::settings::Settings;

/// Which names are ours.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// Listening for everybody: then the names are not known, unless the settings name them.
    any: bool,
    named: Vec<String>,
}

impl Hosts {
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut named = settings.allowed_hosts.clone();
        named.extend(settings.host().filter(|host| !host.is_empty()).map(str::to_owned));
        Self { any: !settings.is_loopback() && settings.allowed_hosts.is_empty(), named }
    }

    fn allow(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        self.any || is_loopback(host) || self.named.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

pub(crate) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    // HTTP/1 has nothing but the answer on its connection, which ends where nobody reads.
    let left = request.extensions().get::<Left>().filter(|_| request.version() == Version::HTTP_2).cloned();
    let is_grpc = grpc::is_grpc(request.headers());
    let mut response = match admit(&hosts, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    if is_grpc && let Some(told) = response.extensions_mut().remove::<Told>() {
        response = grpc::refused(&told.into());
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    match response.extensions_mut().remove::<Place>() {
        Some(place) => response.map(|body| Body::new(Held::new(body, place, left.as_ref()))),
        None => response,
    }
}

/// What the addresses of gRPC's services begin with: Jaeger's and Arrow Flight.
const GRPC: [&str; 2] = ["/jaeger.api_v", "/arrow.flight.protocol."];

const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// The only addresses besides that are asked to change anything. Forms of other pages cannot, since they cannot send JSON.
const API: &str = "/api/v1/";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn admit(hosts: &Hosts, request: &Request) -> Result<(), ApiError> {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    if !asks && !GRPC.iter().any(|service| path.starts_with(service)) && !path.starts_with(API) {
        return Err(ApiError::method_not_allowed());
    }
    // HTTP/2 has it in the address.
    let authority = request.uri().authority().map(Authority::as_str);
    let host = text(request.headers(), &header::HOST).or(authority).unwrap_or_default();
    if !hosts.allow(host) {
        let help = "open the page under the address that throughline printed; behind a proxy, add its name to \
                    `allowed_hosts` in the `view` section";
        return Err(ApiError::forbidden("the Host header does not name this machine", help));
    }
    let foreign = request.headers().get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        !origin.split_once("://").is_some_and(|(_, authority)| hosts.allow(authority))
    });
    // Browsers say so themselves, where the connection is safe from those on the way.
    let fetched = text(request.headers(), &FETCH_SITE).is_some_and(|site| site != "same-origin");
    if foreign || (fetched && !asks) {
        let help = "ask from the page itself, or without a browser";
        return Err(ApiError::forbidden("pages of another origin may not ask", help));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_of_the_settings_are_ours() {
        let settings =
            Settings { allowed_hosts: vec!["calls.example.com".to_owned()], ..Settings::default() };
        let hosts = Hosts::of(&settings);
        for (host, ours) in [
            ("127.0.0.1:7717", true),
            ("localhost:5173", true),
            ("LOCALHOST", true),
            ("[::1]:7717", true),
            ("calls.example.com", true),
            ("Calls.Example.com:443", true),
            ("evil.example.com", false),
            ("127.0.0.1.evil.com:7717", false),
            ("localhost.evil.com", false),
            ("10.0.0.1:7717", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(hosts.allow(host), ours, "{host}");
        }
        let remote = Settings { endpoint: "0.0.0.0:7717".to_owned(), ..Settings::default() };
        assert!(Hosts::of(&remote).allow("10.0.0.1:7717"));
        let remote = Settings { endpoint: "0.0.0.0:7717".to_owned(), ..settings };
        assert!(!Hosts::of(&remote).allow("10.0.0.1:7717"), "named hosts are all there are");
    }
}
