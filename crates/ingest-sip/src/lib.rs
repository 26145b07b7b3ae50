//! SIP calls to spans, on the path and beside it.
//!
//! In:       SIP messages: from sockets in front of an SBC or a trunk, from HEP agents, from captures.
//! Out:      the messages, passed on with the trace's context; spans of calls.
//! Core:     an edge that forwards by RFC 3261 16.11 and calls that remember contexts and times; both without I/O, time is
//!           an argument.
//! Must not: hold a call up because of tracing, write raw messages or whole numbers, believe strangers.

mod net;
mod trunk;
mod hop;
mod slack;
mod settings;
mod transport;
pub mod edge;
mod call;
mod watch;
pub mod receiver;
mod beside;
pub mod hep;
pub mod pcap;

pub use beside::{Beside, Sighting};
pub use call::{Calls, Counts, Finished, Numbers, Secret, Settings as CallSettings, Summary};
pub use hop::{End, Hop, Tracing, Transport, Untraced};
pub use trunk::{ReferTo, Trunk};
