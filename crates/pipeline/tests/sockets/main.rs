//! Promises that only a real socket can prove.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod setup;
mod client;
mod http;
mod cors;
mod grpc;
mod tls;
mod auth;
mod life;
mod extensions;
mod zpages;
#[cfg(feature = "profile")]
mod profile;
#[cfg(feature = "heap-profile")]
mod heap;
mod law;
mod journal;
mod personal;
mod sampling;
mod reduce;
mod hostile;
mod reload;
