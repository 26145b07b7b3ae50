//! OpenTelemetry's conventions for HTTP, where server and client agree.

use http::Method;
#[cfg(any(feature = "reqwest", feature = "tower"))]
use http::{StatusCode, Version};
use opentelemetry::KeyValue;

#[cfg(any(feature = "reqwest", feature = "tower"))]
use crate::span::Open;

/// Methods that conventions know; another one may be made up by the caller, without end.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::HEAD,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// Most characters of a text that the caller chose.
const MOST: usize = 256;

/// The name of a span: the method, and the route or template where there is one.
pub(crate) fn name(method: &Method, target: Option<&str>) -> String {
    let method = if METHODS.contains(method) { method.as_str() } else { "HTTP" };
    target.map_or(method.to_owned(), |target| format!("{method} {target}"))
}

pub(crate) fn method(method: &Method) -> Vec<KeyValue> {
    const KEY: &str = "http.request.method";
    if METHODS.contains(method) {
        return vec![KeyValue::new(KEY, method.as_str().to_owned())];
    }
    let original = KeyValue::new("http.request.method_original", cut(method.as_str()));
    vec![KeyValue::new(KEY, "_OTHER"), original]
}

#[cfg(any(feature = "reqwest", feature = "tower"))]
pub(crate) fn version(version: Version) -> Option<KeyValue> {
    let name = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    };
    Some(KeyValue::new("network.protocol.version", name))
}

pub(crate) fn server(address: Option<&str>, port: Option<u16>) -> impl Iterator<Item = KeyValue> {
    let bare = |address: &str| cut(address.trim_matches(['[', ']']));
    let address = address.map(|address| KeyValue::new("server.address", bare(address)));
    let port = port.map(|port| KeyValue::new("server.port", i64::from(port)));
    address.into_iter().chain(port)
}

#[cfg(any(feature = "reqwest", feature = "tower"))]
pub(crate) fn answered(span: &Open, status: StatusCode, failed: bool) {
    span.set(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if failed {
        span.fail(status.as_u16().to_string(), "");
    }
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(MOST).collect()
}
