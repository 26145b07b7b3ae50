//! Trace context in headers: what a receiver of requests makes of `traceparent` and `tracestate`, and what it sends
//! on (W3C Trace Context level 2, sections 3 and 4).

use alloc::string::String;

use crate::carrier::{Getter, Setter};
use crate::id::SpanId;
use crate::traceparent::{InvalidTraceparent, Traceparent};
use crate::tracestate::{InvalidTracestate, Tracestate};
use crate::{hex, list};

/// The name of the header that carries the ids.
pub const TRACEPARENT: &str = "traceparent";
/// The name of the header that carries what vendors add.
pub const TRACESTATE: &str = "tracestate";

/// The context of a request: where it stands in its trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    /// The trace and the span that the next one hangs below.
    pub traceparent: Traceparent,
    /// What vendors add; empty where there is none.
    pub tracestate: Tracestate,
}

/// What a request said about its trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extraction<'a> {
    /// No `traceparent`; a `tracestate` alone says nothing and is dropped (section 3.3).
    Absent,
    /// Continue this trace.
    Valid {
        /// What to continue. Where `tracestate` could not be read, it is empty.
        context: Context,
        /// The `traceparent` as received.
        raw: &'a [u8],
        /// Why the `tracestate` was dropped.
        dropped: Option<InvalidTracestate>,
    },
    /// Restart the trace, without the `tracestate` (section 3.3).
    Invalid(Rejected),
}

/// A `traceparent` that cannot be used, for recording on the span that starts the new trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// What is wrong with it.
    pub reason: InvalidTraceparent,
    /// As received: several values joined by `, `, bytes that are not text replaced, cut after 256 characters.
    pub raw: String,
}

/// Reads `traceparent` and `tracestate`.
///
/// No allocation for a valid `traceparent` without a `tracestate`.
///
/// ```
/// use throughline_context::w3c::{self, Extraction};
///
/// let headers = [("TraceParent", "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01")];
/// let Extraction::Valid { context, .. } = w3c::extract(&headers) else { panic!() };
/// assert_eq!(context.traceparent.parent_id.to_string(), "ccbd124dbdfc3439");
/// ```
pub fn extract(from: &(impl Getter + ?Sized)) -> Extraction<'_> {
    extract_named(from, TRACEPARENT, TRACESTATE)
}

/// The same under other names.
pub(crate) fn extract_named<'a>(
    from: &'a (impl Getter + ?Sized),
    traceparent: &'static str,
    tracestate: &'static str,
) -> Extraction<'a> {
    let mut values = from.get_all(traceparent);
    let Some(raw) = values.next() else { return Extraction::Absent };
    let parsed = match values.next() {
        Some(_) => Err(InvalidTraceparent::Repeated),
        None => Traceparent::from_bytes(list::trim(raw)),
    };
    match parsed {
        Ok(traceparent) => {
            let (tracestate, dropped) = match Tracestate::parse(from.get_all(tracestate)) {
                Ok(tracestate) => (tracestate, None),
                Err(reason) => (Tracestate::default(), Some(reason)),
            };
            Extraction::Valid { context: Context { traceparent, tracestate }, raw, dropped }
        }
        Err(reason) => Extraction::Invalid(Rejected { reason, raw: record(from.get_all(traceparent)) }),
    }
}

/// Writes `traceparent`, and `tracestate` in one header if there is any.
///
/// Give each outgoing request a context of its own: [`Context::child`] with the id of the span that sends it.
///
/// ```
/// use throughline_context::{SpanId, w3c};
///
/// # let parent = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01".parse().unwrap();
/// let mut headers: Vec<(String, String)> = Vec::new();
/// let context = w3c::Context::new(parent);
/// w3c::inject(&context.child(SpanId([7; 8])), &mut headers);
/// assert_eq!(headers[0].1, "00-4bf92f3577f34da6c19e9222d19e89b8-0707070707070707-01");
/// ```
pub fn inject(context: &Context, to: &mut (impl Setter + ?Sized)) {
    to.set(TRACEPARENT, hex::ascii(&context.traceparent.to_bytes()));
    if context.tracestate.is_empty() {
        to.unset(TRACESTATE);
    } else {
        to.set(TRACESTATE, context.tracestate.as_str());
    }
}

impl Context {
    /// A context without a `tracestate`.
    pub fn new(traceparent: Traceparent) -> Self {
        Self { traceparent, tracestate: Tracestate::default() }
    }

    /// The same trace with another span as the parent.
    #[must_use]
    pub fn child(&self, parent_id: SpanId) -> Self {
        Self { traceparent: self.traceparent.with_parent(parent_id), tracestate: self.tracestate.clone() }
    }
}

/// Values as text that can be recorded.
pub(crate) fn record<'a>(values: impl Iterator<Item = &'a [u8]>) -> String {
    const MOST: usize = 256;
    let mut out = String::new();
    for (at, value) in values.enumerate() {
        if out.len() > 4 * MOST {
            break;
        }
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&String::from_utf8_lossy(value.get(..MOST).unwrap_or(value)));
    }
    if let Some((end, _)) = out.char_indices().nth(MOST) {
        out.truncate(end);
    }
    out
}
