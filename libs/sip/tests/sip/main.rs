//! Promises to callers: which messages are taken, what their views say, and that an edit touches nothing else.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod checks;
mod corpus;
mod torture;
mod proxied;
mod views;
mod edits;
mod builds;
mod streams;
mod peers;
mod any_bytes;
