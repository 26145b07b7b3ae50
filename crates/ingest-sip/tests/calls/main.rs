//! Calls that pass the edge: what they are told, and what is told of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod play;
mod tree;
mod plain;
mod contexts;
mod told;
mod transfers;
mod bounds;
