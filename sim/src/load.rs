//! The load generator: pre-encoded OTLP, sent at a rate or as fast as it is taken, with exact accounts.

mod connection;

pub use connection::{Connection, Reply, Target};
