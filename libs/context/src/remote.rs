//! What the formats other than W3C have in common.

use core::fmt;

use crate::carrier::Getter;
use crate::id::{SpanId, TraceId};
use crate::traceparent::Traceparent;
use crate::{hex, list};

/// What a caller said in a format other than W3C. Any part may be missing: a B3 `0` is a sampling decision alone, and
/// a load balancer may know a trace but no span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Remote {
    /// The trace; ids of 64 bits have zeros on the left.
    pub trace_id: Option<TraceId>,
    /// The caller's span.
    pub parent_id: Option<SpanId>,
    /// Whether to record.
    pub sampling: Sampling,
}

/// What the caller decided about recording.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sampling {
    /// Nothing: the receiver decides.
    #[default]
    Defer,
    /// Do not record.
    Drop,
    /// Record.
    Keep,
    /// Record, whatever limits there are.
    Debug,
}

/// A header of another format that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// The header's name.
    pub header: &'static str,
    /// What it should have been.
    pub expected: &'static str,
}

impl Remote {
    /// The same in W3C form, where both ids are known.
    pub fn traceparent(&self) -> Option<Traceparent> {
        let (trace_id, parent_id) = self.trace_id.zip(self.parent_id)?;
        Some(Traceparent { trace_id, parent_id, flags: self.sampling.flags() })
    }
}

impl From<Traceparent> for Remote {
    fn from(parent: Traceparent) -> Self {
        let sampling = if parent.is_sampled() { Sampling::Keep } else { Sampling::Drop };
        Self { trace_id: Some(parent.trace_id), parent_id: Some(parent.parent_id), sampling }
    }
}

impl Sampling {
    /// True where the caller asks for recording.
    pub fn keeps(self) -> bool {
        matches!(self, Self::Keep | Self::Debug)
    }

    /// The same in a `traceparent`, where deferring has no place.
    pub(crate) fn flags(self) -> u8 {
        if self.keeps() { Traceparent::SAMPLED } else { 0 }
    }
}

/// The one value of a header, trimmed; two values cannot be told apart.
pub(crate) fn only<'a>(
    from: &'a (impl Getter + ?Sized),
    header: &'static str,
) -> Result<Option<&'a [u8]>, Unreadable> {
    let mut values = from.get_all(header);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(Unreadable { header, expected: "one header of this name" }),
        (value, _) => Ok(value.map(list::trim)),
    }
}

/// Exactly 16 digits of either case, not all zero.
pub(crate) fn span_id(digits: &[u8]) -> Option<SpanId> {
    hex::decode_padded(digits).map(SpanId).filter(|id| digits.len() == 16 && id.is_valid())
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.header, self.expected)
    }
}

impl core::error::Error for Unreadable {}
