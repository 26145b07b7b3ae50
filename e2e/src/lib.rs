//! What whole-product tests share.
//!
//! In:       what a sink kept, what a real SDK says it sent.
//! Out:      spans in one readable form, so that the two can be compared.
//! Core:     `product` is the built binary, `span` the form, `client` runs the SDK programs of `clients/`, `program`
//!           those of `examples/`, `postgres` and `clickhouse` are database servers, `sip` calls through the binary.
//! Must not: use the product's own code to read what the product wrote.

pub mod product;
pub mod span;
pub mod client;
pub mod program;
pub mod postgres;
pub mod clickhouse;
pub mod sip;

pub use client::{Client, Sent};
pub use postgres::Postgres;
pub use product::{Product, Run};
pub use program::{Example, Program};
pub use span::{Span, kept};
