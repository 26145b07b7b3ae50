//! Calls against a simulated Genesys Cloud, over real sockets.
#![cfg(all(feature = "genesys", feature = "reqwest"))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::indexing_slicing, reason = "a test may panic")]

mod site;
mod place;
mod transfer;
mod refused;
mod bodies;
mod texts;
#[path = "../clients/spans.rs"]
mod spans;
