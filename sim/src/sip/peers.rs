//! Real SIP programs as child processes: SIPp, Kamailio and the product, each on a free port of this machine, killed when dropped.

mod program;
pub mod kamailio;
pub mod sipp;
pub mod edge;

pub use edge::Edge;
pub use kamailio::Kamailio;
pub use sipp::{Answering, Heard, Part, Protocol, Sipp, Statistics};

#[cfg(test)]
mod tests;
