//! The doctor for SIP: probes through proxies and SBCs to an echo, which answers with what it saw.
//!
//! In:       the address of a hop and the URI that it leads to the echo; the answers of the echo.
//! Out:      a [`Path`](crate::finding::Path) for the same report as that of HTTP.
//! Core:     requests, answers and what was seen are pure; one socket for each request.
//! Must not: leave a call standing, send more than a first probe to who is no echo, answer an answer.

mod address;
mod multipart;
mod seen;
mod kept;
mod echo;
mod link;
mod request;
mod exchange;
mod check;

pub use address::{Address, WrongAddress};
pub use check::{Options, check};
pub use echo::Echo;
pub use kept::Kept;

/// What the echo says it was asked in.
pub const VERSION: &str = "SIP/2.0";
