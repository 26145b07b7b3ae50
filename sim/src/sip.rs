//! SIP agents with their own reader and writer of messages: callers, callees, transferors, transferees and a trunk of
//! Genesys Cloud.
//!
//! A message's path: `message` is what is said, `wire` carries it, `call` is one dialog, `agent` many of them; `transfer`
//! is what a transferee does, `callers` and `callee` play scripts, `trunk` drives a conversation of the simulated Genesys
//! Cloud, `centre` puts them around an edge, `peers` are SIPp and Kamailio, `account` knows which trace was the right one.

pub mod message;
pub mod text;
mod frames;
mod hep;
mod tls;
mod wire;
mod call;
mod agent;
mod transfer;
mod account;
pub mod callee;
pub mod callers;
pub mod trunk;
pub mod centre;
pub mod peers;

pub use account::{Account, Arrival, TRUTH, Verdict};
pub use agent::{Agent, Settings};
pub use call::{Call, Dial, Failed, Incoming};
pub use tls::Identity;
pub use transfer::{Referred, Transferee, in_place_of, refer};
pub use wire::Transport;

#[cfg(test)]
mod tests;
