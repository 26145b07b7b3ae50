//! Trace and span ids.

use core::fmt;
use core::str::FromStr;

use crate::hex;
use crate::traceparent::InvalidTraceparent;

/// A trace id: 16 bytes, all zero meaning "none" (W3C Trace Context, section 3.2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceId(pub [u8; 16]);

/// A span id: 8 bytes, all zero meaning "none" (W3C Trace Context, section 3.2.2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// False for the all-zero id, which no span may carry.
    pub fn is_valid(&self) -> bool {
        self.0 != [0; 16]
    }

    /// Reads the 16 bytes of an OTLP field; the empty field is the zero id.
    pub fn from_otlp(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        bytes.try_into().ok().map(Self)
    }

    /// The trace id that a conversation has when no context could be carried: its UUID without dashes.
    ///
    /// ```
    /// # use throughline_context::TraceId;
    /// let id = TraceId::from_uuid("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54").unwrap();
    /// assert_eq!(id.to_string(), "c41e7d905b2a4f0e9a6d37c2e10b8f54");
    /// ```
    pub fn from_uuid(text: &str) -> Option<Self> {
        let mut digits = [0; 32];
        let mut slots = digits.iter_mut();
        for (at, byte) in text.bytes().enumerate() {
            match (at, byte) {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return None,
                _ => *slots.next()? = byte.to_ascii_lowercase(),
            }
        }
        if slots.next().is_some() {
            return None;
        }
        hex::decode(&digits).map(Self)
    }

    /// The root span of a trace whose id was made from a conversation id: the first half of the trace id, and
    /// `0000000000000001` where that half is all zero.
    pub fn root_span(&self) -> SpanId {
        match self.0.first_chunk().copied().map(SpanId) {
            Some(first) if first.is_valid() => first,
            _ => SpanId([0, 0, 0, 0, 0, 0, 0, 1]),
        }
    }

    /// The right-most 56 bits, which are random where a `traceparent` has the random flag.
    pub fn randomness(&self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.0;
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }
}

impl SpanId {
    /// False for the all-zero id, which no span may carry.
    pub fn is_valid(&self) -> bool {
        self.0 != [0; 8]
    }

    /// Reads the 8 bytes of an OTLP field; the empty field is the zero id.
    pub fn from_otlp(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(self.0, f)
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        hex::decode(text.as_bytes()).map(Self).filter(Self::is_valid).ok_or(InvalidTraceparent::TraceId)
    }
}

impl FromStr for SpanId {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        hex::decode(text.as_bytes()).map(Self).filter(Self::is_valid).ok_or(InvalidTraceparent::SpanId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_uuid_is_a_trace_id() {
        for (text, ok) in [
            ("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54", true),
            ("C41E7D90-5B2A-4F0E-9A6D-37C2E10B8F54", true),
            ("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f5", false),
            ("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f544", false),
            ("c41e7d905b2a4f0e9a6d37c2e10b8f54", false),
            ("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8fzz", false),
            ("", false),
        ] {
            assert_eq!(TraceId::from_uuid(text).is_some(), ok, "{text}");
        }
    }

    #[test]
    fn ids_of_other_lengths_are_refused() {
        assert_eq!(TraceId::from_otlp(&[]), Some(TraceId::default()));
        assert_eq!(TraceId::from_otlp(&[1; 15]), None);
        assert_eq!(SpanId::from_otlp(&[1; 8]), Some(SpanId([1; 8])));
        assert!("00000000000000000000000000000000".parse::<TraceId>().is_err());
        assert!("B7AD6B7169203331".parse::<SpanId>().is_err());
    }

    #[test]
    fn the_root_span_is_never_the_zero_id() {
        let half = TraceId([0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
        assert_eq!(half.root_span(), SpanId([0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(TraceId([7; 16]).root_span(), SpanId([7; 8]));
    }

    #[test]
    fn randomness_is_the_last_seven_bytes() {
        assert_eq!(TraceId([0x11; 16]).randomness(), 0x11_1111_1111_1111);
    }
}
