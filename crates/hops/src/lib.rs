//! Which hop of a path loses trace context, why, and what mends it.
//!
//! In:       the address of a path that ends at an [`echo`]; what the echo saw, and how the path answered.
//! Out:      a [`report::Report`]: findings for each hop, the product by its fingerprints, the lines that mend it.
//! Core:     probes, classification, diagnosis and mends are pure and total on any answer of any echo.
//! Must not: follow redirects, send more than a first probe to who is no echo, print or keep secrets that a path asks for.

pub mod field;
pub mod probe;
mod probe_set;
pub mod http1;
pub mod seen;
pub mod echo;
pub mod outcome;
pub mod trust;
pub mod check;
pub mod verdict;
pub mod classify;
pub mod product;
pub mod finding;
pub mod mend;
pub mod report;
pub mod sip;
mod websocket;
