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
use http::Response;
use http_body_util::Full;

pub(crate) type Answer = Response<Full<Bytes>>;
