//! A listener of one's own: HTTP/1.1, with TLS or without, for those who know the secret.

mod address;
mod tls;
mod lock;
mod listen;

pub(crate) use address::{Tls, bind, check};
pub(crate) use listen::{Answers, serve};
pub(crate) use lock::{Auth, Lock};
pub(crate) use tls::config;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body_util::Full;

pub(crate) type Answer = Response<Full<Bytes>>;

/// What a page in a browser cannot send to another site without asking first.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
