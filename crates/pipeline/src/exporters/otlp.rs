//! What the two OTLP exporters share: the way from a payload to a body, and from an answer to a decision.

pub(super) mod headers;
pub(super) mod credentials;
pub(super) mod parts;
pub(super) mod pool;
pub(super) mod packing;
pub(super) mod body;
pub(super) mod partial;
pub(super) mod retry_after;

/// How this program names itself to servers.
pub(super) const USER_AGENT: &str = concat!("Throughline/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
pub(crate) mod server;
