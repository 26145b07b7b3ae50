//! Promises that only a real socket can prove.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "../../src/net/tls/certificates.rs"]
#[expect(dead_code, reason = "shared with the tests of the settings")]
mod certificates;
mod setup;
mod client;
mod http;
mod cors;
mod grpc;
mod tls;
mod life;
mod extensions;
mod law;
mod journal;
mod hostile;
