//! The `traceparent` header (W3C Trace Context level 2, section 3.2).

use core::fmt;
use core::str::FromStr;

use crate::hex;
use crate::id::{SpanId, TraceId};

/// A parsed `traceparent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traceparent {
    /// The trace that the caller is part of.
    pub trace_id: TraceId,
    /// The caller's span.
    pub parent_id: SpanId,
    /// Bit 0 sampled, bit 1 random trace id; other bits are kept only for version 00.
    pub flags: u8,
}

/// Why a `traceparent` cannot be used; the trace restarts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
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
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a traceparent is version-traceid-parentid-flags, as in 00-<32 hex>-<16 hex>-01",
            Self::Version => "the version is two lower-case hexadecimal digits other than ff",
            Self::TraceId => "a trace id is 32 lower-case hexadecimal digits, not all zero",
            Self::SpanId => "a span id is 16 lower-case hexadecimal digits, not all zero",
            Self::Flags => "the flags are two lower-case hexadecimal digits",
        })
    }
}

impl std::error::Error for Invalid {}

impl FromStr for Traceparent {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = text.as_bytes();
        let part = |from: usize, to: usize| bytes.get(from..to).ok_or(Invalid::Shape);
        let [version] = hex::decode(part(0, 2)?).ok_or(Invalid::Version)?;
        for dash in [2, 35, 52] {
            if bytes.get(dash) != Some(&b'-') {
                return Err(Invalid::Shape);
            }
        }
        // A later version may append fields behind a dash (section 4).
        match (version, bytes.get(55)) {
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
        Ok(Self { trace_id, parent_id, flags: flags & 0b11 })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01";

    #[test]
    fn prints_what_it_read() {
        assert_eq!(GOOD.parse::<Traceparent>().unwrap().to_string(), GOOD);
    }

    #[test]
    fn each_rule_has_its_reason() {
        let zero_trace = "00-00000000000000000000000000000000-ccbd124dbdfc3439-01";
        let zero_span = "00-4bf92f3577f34da6c19e9222d19e89b8-0000000000000000-01";
        let table: &[(&str, Result<(), Invalid>)] = &[
            (GOOD, Ok(())),
            ("", Err(Invalid::Shape)),
            ("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-", Err(Invalid::Shape)),
            ("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-0", Err(Invalid::Shape)),
            ("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01-x", Err(Invalid::Shape)),
            ("ff-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01", Err(Invalid::Version)),
            ("0X-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01", Err(Invalid::Version)),
            ("cc-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01-more", Ok(())),
            ("cc-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01.more", Err(Invalid::Shape)),
            ("00-4BF92F3577F34DA6C19E9222D19E89B8-ccbd124dbdfc3439-01", Err(Invalid::TraceId)),
            (zero_trace, Err(Invalid::TraceId)),
            (zero_span, Err(Invalid::SpanId)),
            ("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc343g-01", Err(Invalid::SpanId)),
            ("00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-0G", Err(Invalid::Flags)),
            ("00_4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01", Err(Invalid::Shape)),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Traceparent>().map(|_| ()), *expected, "{text}");
        }
    }
}
