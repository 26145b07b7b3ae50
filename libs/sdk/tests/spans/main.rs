//! Spans as a collector receives them.
#![cfg(all(feature = "otlp", feature = "tower"))]
#![expect(clippy::string_slice, clippy::unwrap_used, reason = "a test may panic")]

mod collector;
mod concurrency;
mod interactions;
mod server;
mod start;
