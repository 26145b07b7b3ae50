//! A client for calls of Genesys Cloud: places them and hands them over, with the trace going on at the other end.
//!
//! ```no_run
//! # #[cfg(feature = "reqwest")]
//! # async fn run(token: String) -> Result<(), Box<dyn std::error::Error>> {
//! use throughline_sdk::genesys::calls::{Calls, Dialect, Http, Identity, OutboundCall};
//!
//! let api = Http::new(reqwest::Client::new(), "https://api.mypurecloud.ie", token)?;
//! let calls = Calls::new(api, Dialect::PublicApi, Identity::Client);
//! let call = OutboundCall::new("tel:+6598765432".parse()?).user("5b7e0a52-93c1-4b6c-8a5e-7d0f4c1b2a39");
//! match calls.place(&call).await {
//!     Ok(placed) => println!("{} in {:?}", placed.conversation, placed.traceparent),
//!     Err(error) => eprintln!("{error}\n{}", error.mend()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How a context travels
//!
//! A request carries the context of its span in what the declared [`Dialect`] has a place for, and the result says for
//! each [`Carrier`] what became of it. Addresses are checked before anything is sent: an [`Address`] cannot hold a
//! context. What holds something of yours already stays as it is.
//!
//! On a transfer the customer's participant stays, and with it the participant data. Where the call leaves to a number,
//! the context goes along as User-to-User data.
//!
//! # Whose token
//!
//! Tokens of client credentials belong to no user, and some requests take the token of a user:
//!
//! | request | with client credentials |
//! |---|---|
//! | `POST /api/v2/conversations/calls` | not sent: name the [`user`](OutboundCall::user) (specification of 2018: 400 `not.a.user`; not confirmed for today) |
//! | `POST /api/v2/conversations/calls/user/{userId}` | good |
//! | `.../replace/agent`, `.../replace/queue`, `.../transfer` | good |
//! | `.../consult/agent`, `.../consult/queue`, `.../voice/consult` | the agent is named as `consultingUserId`; where it is refused with `not.a.user` all the same, the agent's own token is needed |
//!
//! # Limits
//!
//! Nothing is repeated here: a call that may have been placed must not be placed again. Ids have at most 64 characters,
//! addresses 320, a `tracestate` in an attribute 256.
//!
//! Source of names, fields and answers: the SDKs of Genesys Cloud for Python (269) and JavaScript (262), and the
//! specification of 2018 for statuses and codes of errors, which may have changed.

mod address;
mod dialect;
mod api;
mod refusal;
mod rights;
mod error;
mod outbound;
mod transfer;
mod conversation;
mod trace;
mod client;
#[cfg(feature = "reqwest")]
mod http;

pub use address::{Address, AddressError};
pub use api::{Answer, Api, NoAnswer, Request};
pub use client::{Calls, Placed, Transferred};
pub use dialect::{Carried, CarriedState, Carrier, Dialect, UnknownDialect};
pub use error::{CallError, Refused, Unsuitable};
#[cfg(feature = "reqwest")]
pub use http::{Http, NotAnApi};
pub use outbound::{OutboundCall, Prepared};
pub use refusal::{Reason, Refusal};
pub use rights::{Rights, Role};
pub use transfer::{Destination, Transfer};

use super::MOST_IN_ATTRIBUTE;

/// Whose token requests carry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Identity {
    /// A user's: by authorization code or another grant with a login.
    User,
    /// An OAuth client's: by client credentials.
    Client,
}

/// An id as it may stand in a path.
fn checked_id<'a>(what: &'static str, id: &'a str) -> Result<&'a str, Unsuitable> {
    let fits =
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        return Ok(id);
    }
    let id = id.chars().filter(|c| !c.is_control()).take(64).collect();
    Err(Unsuitable::Id { what, id })
}
