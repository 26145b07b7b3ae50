//! What the product is tried with: traffic that goes in, a sink for what comes out, and the bench that measures.
//!
//! In:       a scenario, the address or the binary of a system under test.
//! Out:      OTLP requests, exact counts of what was accepted and of what came out, a table of costs.
//! Core:     `load` sends and keeps account, `sink` counts, `bench` runs one system under both, `genesys` is a Genesys Cloud,
//!           `sip` its callers and its trunk, `demo` a contact centre on it, with the example services behind its Data Actions.
//! Must not: use the product's own code; an oracle that shares the code shares its bugs.

mod chance;
mod attribute;
pub mod ports;
pub mod format;
pub mod grpc;
pub mod load;
pub mod sink;
pub mod bench;
pub mod sip;
pub mod genesys;
pub mod demo;
