//! The `traceparent` header (W3C Trace Context level 2, section 3.2).

use core::fmt;
use core::str::FromStr;

use crate::hex;
use crate::id::{SpanId, TraceId};

/// A parsed `traceparent`.
///
/// ```
/// # use throughline_context::Traceparent;
/// let text = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";
/// let parent: Traceparent = text.parse()?;
/// assert!(parent.is_sampled());
/// assert_eq!(parent.to_string(), text);
/// # Ok::<(), throughline_context::InvalidTraceparent>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Traceparent {
    /// The trace that the caller is part of.
    pub trace_id: TraceId,
    /// The caller's span.
    pub parent_id: SpanId,
    /// [`SAMPLED`](Self::SAMPLED) and [`RANDOM`](Self::RANDOM); reading and writing clear every other bit, as the
    /// specification asks.
    pub flags: u8,
}

/// Why a `traceparent` cannot be used; the trace restarts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum InvalidTraceparent {
    /// Too short, too long for its version, or dashes elsewhere than the format has them.
    Shape,
    /// Version `ff`, or not two lower-case hexadecimal digits.
    Version,
    /// Not 32 lower-case hexadecimal digits, or all zero.
    TraceId,
    /// Not 16 lower-case hexadecimal digits, or all zero.
    SpanId,
    /// Not two lower-case hexadecimal digits.
    Flags,
    /// The header came more than once.
    Repeated,
}

impl Traceparent {
    /// Bytes of the header's value.
    pub const LEN: usize = 55;
    /// Flag bit 0: the caller may have recorded the span (section 3.2.2.5.1).
    pub const SAMPLED: u8 = 1;
    /// Flag bit 1: the right-most 7 bytes of the trace id are random (level 2, section 3.2.2.5.2).
    pub const RANDOM: u8 = 2;

    /// Reads a header's value, without the white space around it.
    ///
    /// Versions above `00` are read as far as version `00` goes (section 3.2.4).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTraceparent> {
        use InvalidTraceparent as Invalid;

        let part = |from: usize, to: usize| bytes.get(from..to).ok_or(Invalid::Shape);
        let [version] = hex::decode(part(0, 2)?).ok_or(Invalid::Version)?;
        for dash in [2, 35, 52] {
            if bytes.get(dash) != Some(&b'-') {
                return Err(Invalid::Shape);
            }
        }
        match (version, bytes.get(Self::LEN)) {
            (0xff, _) => return Err(Invalid::Version),
            (0, Some(_)) => return Err(Invalid::Shape),
            (_, None | Some(b'-')) => {}
            (_, Some(_)) => return Err(Invalid::Shape),
        }
        let trace_id =
            hex::decode(part(3, 35)?).map(TraceId).filter(TraceId::is_valid).ok_or(Invalid::TraceId)?;
        let parent_id =
            hex::decode(part(36, 52)?).map(SpanId).filter(SpanId::is_valid).ok_or(Invalid::SpanId)?;
        let [flags] = hex::decode(part(53, 55)?).ok_or(Invalid::Flags)?;
        Ok(Self { trace_id, parent_id, flags: flags & (Self::SAMPLED | Self::RANDOM) })
    }

    /// The header's value, version `00`, without an allocation.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = *b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-00";
        let mut put = |at: usize, digits: &[u8]| {
            if let Some(place) = out.get_mut(at..at + digits.len()) {
                place.copy_from_slice(digits);
            }
        };
        put(3, hex::encode(self.trace_id.0).as_flattened());
        put(36, hex::encode(self.parent_id.0).as_flattened());
        put(53, &hex::pair(self.flags & (Self::SAMPLED | Self::RANDOM)));
        out
    }

    /// The context that a conversation has when none could be carried: the trace id is the UUID without dashes, the
    /// parent is its first 16 digits, sampled. Whoever knows the conversation can build it by cutting strings, as in
    /// an Architect expression or a header rule of a session border controller:
    ///
    /// ```text
    /// "00-" + Replace(id, "-", "") + "-" + Substring(Replace(id, "-", ""), 0, 16) + "-01"
    /// ```
    ///
    /// Nothing for text that is not a UUID, and for the UUID of zeros, which names no conversation.
    ///
    /// ```
    /// # use throughline_context::Traceparent;
    /// let parent = Traceparent::from_conversation("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54").unwrap();
    /// assert_eq!(parent.to_string(), "00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01");
    /// ```
    pub fn from_conversation(uuid: &str) -> Option<Self> {
        let trace_id = TraceId::from_uuid(uuid).filter(TraceId::is_valid)?;
        Some(Self { trace_id, parent_id: trace_id.root_span(), flags: Self::SAMPLED })
    }

    /// The same trace with another span as the parent: what a service sends on.
    #[must_use]
    pub fn with_parent(self, parent_id: SpanId) -> Self {
        Self { parent_id, ..self }
    }

    /// The caller may have recorded its span.
    pub fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The right-most 7 bytes of the trace id are random, so that a sampler may use them.
    pub fn is_random(&self) -> bool {
        self.flags & Self::RANDOM != 0
    }
}

impl FromStr for Traceparent {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex::ascii(&self.to_bytes()))
    }
}

impl fmt::Display for InvalidTraceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a traceparent is version-traceid-parentid-flags, as in 00-<32 hex>-<16 hex>-01",
            Self::Version => "the version is two lower-case hexadecimal digits other than ff",
            Self::TraceId => "a trace id is 32 lower-case hexadecimal digits, not all zero",
            Self::SpanId => "a span id is 16 lower-case hexadecimal digits, not all zero",
            Self::Flags => "the flags are two lower-case hexadecimal digits",
            Self::Repeated => "more than one traceparent; let one hop write it and the others replace it",
        })
    }
}

impl core::error::Error for InvalidTraceparent {}
