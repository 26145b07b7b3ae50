//! The load generator: pre-encoded OTLP, sent at a rate or as fast as it is taken, with exact accounts.

mod spans;
mod json;
mod bodies;
mod connection;
mod pace;
mod tally;
mod run;

pub use bodies::Bodies;
pub use connection::{Connection, Reply, Target};
pub use run::{Load, Retry};
pub use spans::requests;
pub use tally::{Report, Tally};

#[cfg(test)]
mod tests;
