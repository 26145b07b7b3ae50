//! SIP messages as the bytes that came.
//!
//! In:       datagrams, streams, captures; or nothing, where a message is built.
//! Out:      views on a message's parts, a verdict on it, and the bytes to send on.
//! Core:     one pass finds the header lines; everything else is read when it is asked for, and borrowed. Changes are
//!           made once, when the message is written, and touch nothing else.
//! Must not: do I/O, keep state of calls, assume UTF-8, panic.
//!
//! A proxy takes a request, looks at it, and passes it on with a few changes:
//!
//! ```
//! use throughline_sip::{Limits, Message, Method, Name};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let datagram = b"INVITE sip:+4930123@example.com SIP/2.0\r\n\
//!     v: SIP/2.0/UDP 192.0.2.4:5060;rport;branch=z9hG4bK776, SIP/2.0/UDP 198.51.100.9;branch=z9hG4bK4b\r\n\
//!     Max-Forwards: 70\r\n\
//!     From: \"Jos\xe9\" <sip:jose@example.com>;tag=1928301774\r\n\
//!     To: <sip:+4930123@example.com>\r\n\
//!     Call-ID: a84b4c76e66710@192.0.2.4\r\n\
//!     CSeq: 314159 INVITE\r\n\r\n";
//! let request = Message::parse(&datagram[..], &Limits::default())?;
//! request.check()?;
//! assert_eq!(request.method(), Some(Method::Invite));
//! assert_eq!(request.from()?.tag(), Some(&b"1928301774"[..]));
//!
//! let via = request.top_via()?;
//! let hops = request.max_forwards()?.unwrap_or(70);
//! let mut edit = request.edit();
//! edit.set_param(via.params, "received", Some(b"203.0.113.7"))?
//!     .set_param(via.params, "rport", Some(b"49152"))?
//!     .prepend(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")?
//!     .set(Name::MaxForwards, (hops - 1).to_string())?;
//! let sent = edit.write();
//! # let sent = Message::parse(sent, &Limits::default())?;
//! # assert_eq!(sent.vias().count(), 3);
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod limits;
mod scan;
mod name;
mod method;
mod fault;
mod index;
mod message;
mod params;
mod uri;
mod address;
mod via;
mod fields;
mod heads;
mod check;
mod text;
mod edit;
mod build;
mod frames;

pub use address::NameAddr;
pub use build::Builder;
pub use check::Refusal;
pub use edit::Edit;
pub use fault::{Fault, Malformed, Repeated};
pub use fields::{CSeq, Replaces, SessionId};
pub use frames::{Broken, Frame, Frames, PING, PONG, Side};
pub use heads::Heads;
pub use index::ParseError;
pub use limits::Limits;
pub use message::{Header, Message, Start};
pub use method::Method;
pub use name::Name;
pub use params::{Param, Params, ParamsIter};
pub use scan::{unescape, unfold, unquote};
pub use text::EditError;
pub use uri::Uri;
pub use via::{BRANCH_COOKIE, Via};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
