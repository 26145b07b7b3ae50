//! Jaeger's own headers `uber-trace-id` and `uberctx-*` (jaegertracing.io, "Propagation Format").

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::baggage::{Baggage, InvalidBaggage};
use crate::carrier::{Getter, Setter};
use crate::hex;
use crate::id::{SpanId, TraceId};
use crate::percent;
use crate::remote::{Remote, Sampling, Unreadable, only};

const HEADER: &str = "uber-trace-id";
const BAGGAGE: &str = "uberctx-";

/// Reads `uber-trace-id`: ids without their leading zeros, colons as such or as `%3A`.
pub fn extract(from: &(impl Getter + ?Sized)) -> Result<Option<Remote>, Unreadable> {
    let Some(value) = only(from, HEADER)? else { return Ok(None) };
    read(value).map(Some).ok_or(Unreadable {
        header: HEADER,
        expected: "<1 to 32 hex>:<1 to 16 hex>:<parent, or 0>:<flags, 1 to 2 hex>, the ids not zero",
    })
}

/// Writes `uber-trace-id`; takes it away where an id is missing, since Jaeger has no form for that.
pub fn inject(remote: &Remote, to: &mut (impl Setter + ?Sized)) {
    let flags = match remote.sampling {
        Sampling::Defer | Sampling::Drop => 0,
        Sampling::Keep => 1,
        Sampling::Debug => 3,
    };
    match remote.trace_id.zip(remote.parent_id) {
        Some((trace, span)) => to.set(HEADER, &format!("{trace}:{span}:0:{flags}")),
        None => to.unset(HEADER),
    }
}

/// Reads the headers `uberctx-*` into a baggage; those that are not text or beyond its limits are left out.
pub fn extract_baggage(from: &(impl Getter + ?Sized)) -> Baggage {
    let mut baggage = Baggage::default();
    for (name, value) in from.fields() {
        let key =
            name.split_at_checked(BAGGAGE.len()).filter(|(prefix, _)| prefix.eq_ignore_ascii_case(BAGGAGE));
        if let (Some((_, key)), Ok(value)) = (key, str::from_utf8(value))
            && baggage.set(key, &percent::decode(value)) == Err(InvalidBaggage::Full)
        {
            break;
        }
    }
    baggage
}

/// Writes each key of a baggage into a header `uberctx-<key>`; properties have no place in this format.
pub fn inject_baggage(baggage: &Baggage, to: &mut (impl Setter + ?Sized)) {
    for member in baggage.members() {
        let mut value = String::new();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        percent::encode(&member.value(), plain, &mut value);
        to.set(&format!("{BAGGAGE}{}", member.key), &value);
    }
}

fn read(value: &[u8]) -> Option<Remote> {
    let text = percent::decode(str::from_utf8(value).ok()?);
    let parts: Vec<&str> = text.splitn(5, ':').collect();
    let [trace, span, parent, flags] = parts.as_slice() else { return None };
    let trace_id = hex::decode_padded(trace.as_bytes()).map(TraceId).filter(TraceId::is_valid)?;
    let parent_id = hex::decode_padded(span.as_bytes()).map(SpanId).filter(SpanId::is_valid)?;
    if !parent.is_empty() {
        hex::decode_padded::<8>(parent.as_bytes())?;
    }
    let [flags] = hex::decode_padded(flags.as_bytes())?;
    let sampling = match (flags & 1, flags & 2) {
        (_, 2) => Sampling::Debug,
        (1, _) => Sampling::Keep,
        _ => Sampling::Drop,
    };
    Some(Remote { trace_id: Some(trace_id), parent_id: Some(parent_id), sampling })
}
