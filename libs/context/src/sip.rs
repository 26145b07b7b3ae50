//! Context in SIP headers.
//!
//! No standard binds trace context to SIP, so that it travels under two names: `traceparent`, which proxies pass on,
//! and `X-Traceparent`, since many back-to-back user agents copy only `X-*`. Values are read as they stand between
//! colon and line end; unfold them first. Baggage is left behind: it may hold personal data, and a datagram has
//! little room.
//!
//! ```
//! use throughline_context::{Decision, Found, Trust, sip};
//!
//! let invite = [
//!     ("Call-ID", "a84b4c76e66710@192.0.2.4"),
//!     ("X-Traceparent", "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01"),
//! ];
//! let found = Found::with_traceparent(sip::extract(&invite), &invite, &[]);
//! assert!(matches!(found.decide(Trust::Trusted), Decision::Continue { .. }));
//! assert_eq!(sip::join_keys(&invite).call_id, Some("a84b4c76e66710@192.0.2.4"));
//! ```

use crate::carrier::{Getter, Setter};
use crate::hex;
use crate::list;
use crate::w3c::{self, Context, Extraction, TRACEPARENT, TRACESTATE};

/// The second name of `traceparent`.
pub const X_TRACEPARENT: &str = "X-Traceparent";
/// Characters of `tracestate` that are sent: a request above 1300 bytes would have to change from UDP to TCP (RFC
/// 3261, section 18.1.1). Whole members are cut, as the specification has it.
pub const MAX_TRACESTATE: usize = 256;

const CALL_ID: &str = "Call-ID";
const CALL_ID_COMPACT: &str = "i";
const SESSION_ID: &str = "Session-ID";

/// What finds the trace of a call where its context was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JoinKeys<'a> {
    /// `Call-ID`: one leg. Genesys Cloud knows it as `protocolCallId`.
    pub call_id: Option<&'a str>,
    /// `Session-ID`: a pair of end points.
    pub session_id: Option<SessionId>,
    /// `x-inin-cnv`: a conversation of Genesys Cloud with all its legs.
    pub conversation_id: Option<&'a str>,
}

/// The header `Session-ID` (RFC 7989).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SessionId {
    /// The UUID of the sender; zero where it does not know it.
    pub local: [u8; 16],
    /// The UUID of the other end, in the parameter `remote`.
    pub remote: Option<[u8; 16]>,
}

/// Reads `traceparent`, or `X-Traceparent` where that is missing or cannot be used, and `tracestate`.
pub fn extract(from: &(impl Getter + ?Sized)) -> Extraction<'_> {
    let plain = w3c::extract(from);
    if matches!(plain, Extraction::Valid { .. }) {
        return plain;
    }
    let second = w3c::extract_named(from, X_TRACEPARENT, TRACESTATE);
    match (&plain, &second) {
        (_, Extraction::Valid { .. }) | (Extraction::Absent, _) => second,
        _ => plain,
    }
}

/// Writes `traceparent`, `X-Traceparent` and `tracestate`, cut to 256 characters.
pub fn inject(context: &Context, to: &mut (impl Setter + ?Sized)) {
    let text = context.traceparent.to_bytes();
    to.set(TRACEPARENT, hex::ascii(&text));
    to.set(X_TRACEPARENT, hex::ascii(&text));
    let mut tracestate = context.tracestate.clone();
    tracestate.truncate(MAX_TRACESTATE);
    if tracestate.is_empty() {
        to.unset(TRACESTATE);
    } else {
        to.set(TRACESTATE, tracestate.as_str());
    }
}

/// Reads the headers that identify a call.
pub fn join_keys(from: &(impl Getter + ?Sized)) -> JoinKeys<'_> {
    JoinKeys {
        call_id: only(from, CALL_ID)
            .or_else(|| only(from, CALL_ID_COMPACT))
            .and_then(|id| str::from_utf8(id).ok()),
        session_id: only(from, SESSION_ID).and_then(SessionId::parse),
        conversation_id: crate::genesys::conversation_id(from),
    }
}

impl SessionId {
    /// Reads the header's value.
    ///
    /// ```
    /// # use throughline_context::sip::SessionId;
    /// let value = b"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2";
    /// assert_eq!(SessionId::parse(value).unwrap().remote.unwrap()[0], 0x47);
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.split(|byte| *byte == b';').map(list::trim);
        let local = uuid(parts.next()?)?;
        let remote = parts.find_map(|part| {
            let (name, value) = list::split_once(part, b'=')?;
            list::trim(name).eq_ignore_ascii_case(b"remote").then(|| uuid(list::trim(value)))
        });
        match remote {
            Some(remote) => Some(Self { local, remote: Some(remote?) }),
            None => Some(Self { local, remote: None }),
        }
    }
}

fn uuid(digits: &[u8]) -> Option<[u8; 16]> {
    hex::decode_padded(digits).filter(|_| digits.len() == 32)
}

fn only<'a>(from: &'a (impl Getter + ?Sized), name: &'static str) -> Option<&'a [u8]> {
    let mut values = from.get_all(name).map(list::trim);
    values.next().filter(|value| !value.is_empty() && values.next().is_none())
}
