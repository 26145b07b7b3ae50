//! B3, of Zipkin: one header `b3`, or several `X-B3-*` (github.com/openzipkin/b3-propagation).
//!
//! Client and server of a call share a span id in B3: the id read is that of the caller's span, and becomes the
//! parent here as in every other format. `X-B3-ParentSpanId` is not used.

use alloc::format;

use crate::carrier::{Getter, Setter};
use crate::id::TraceId;
use crate::remote::{Remote, Sampling, Unreadable, only, span_id};
use crate::{hex, list};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "X-B3-TraceId";
const SPAN_ID: &str = "X-B3-SpanId";
const PARENT_ID: &str = "X-B3-ParentSpanId";
const SAMPLED: &str = "X-B3-Sampled";
const FLAGS: &str = "X-B3-Flags";

/// Reads the header `b3`, and where there is none the headers `X-B3-*`.
pub fn extract(from: &(impl Getter + ?Sized)) -> Result<Option<Remote>, Unreadable> {
    match only(from, SINGLE)? {
        Some(value) => single(value).map(Some).ok_or(Unreadable {
            header: SINGLE,
            expected: "<32 or 16 hex>-<16 hex>, -1, -0 or -d behind it; or 1, 0 or d alone",
        }),
        None => multi(from),
    }
}

/// Writes the one header `b3`.
pub fn inject_single(remote: &Remote, to: &mut (impl Setter + ?Sized)) {
    let state = match remote.sampling {
        Sampling::Defer => "",
        Sampling::Drop => "0",
        Sampling::Keep => "1",
        Sampling::Debug => "d",
    };
    match (remote.trace_id.zip(remote.parent_id), state) {
        (None, "") => to.unset(SINGLE),
        (None, state) => to.set(SINGLE, state),
        (Some((trace, span)), "") => to.set(SINGLE, &format!("{trace}-{span}")),
        (Some((trace, span)), state) => to.set(SINGLE, &format!("{trace}-{span}-{state}")),
    }
}

/// Writes the headers `X-B3-*`.
pub fn inject_multi(remote: &Remote, to: &mut (impl Setter + ?Sized)) {
    for name in [TRACE_ID, SPAN_ID, PARENT_ID, SAMPLED, FLAGS] {
        to.unset(name);
    }
    if let Some((trace, span)) = remote.trace_id.zip(remote.parent_id) {
        to.set(TRACE_ID, &format!("{trace}"));
        to.set(SPAN_ID, &format!("{span}"));
    }
    match remote.sampling {
        Sampling::Defer => {}
        Sampling::Drop => to.set(SAMPLED, "0"),
        Sampling::Keep => to.set(SAMPLED, "1"),
        Sampling::Debug => to.set(FLAGS, "1"),
    }
}

fn single(value: &[u8]) -> Option<Remote> {
    if let Some(sampling) = state(value) {
        return Some(Remote { sampling, ..Remote::default() });
    }
    let mut parts = value.split(|byte| *byte == b'-');
    let (trace, span) = (trace_id(parts.next()?)?, span_id(parts.next()?)?);
    let sampling = parts.next().map_or(Some(Sampling::Defer), state)?;
    if let Some(parent) = parts.next() {
        span_id(parent)?;
    }
    let whole = Remote { trace_id: Some(trace), parent_id: Some(span), sampling };
    parts.next().is_none().then_some(whole)
}

fn multi(from: &(impl Getter + ?Sized)) -> Result<Option<Remote>, Unreadable> {
    let debug = only(from, FLAGS)? == Some(b"1");
    let sampled = match only(from, SAMPLED)? {
        Some(value) => Some(sampled(value).ok_or(Unreadable { header: SAMPLED, expected: "1 or 0" })?),
        None => None,
    };
    let sampling = if debug { Sampling::Debug } else { sampled.unwrap_or_default() };
    let trace = only(from, TRACE_ID)?.map(|value| {
        trace_id(value).ok_or(Unreadable { header: TRACE_ID, expected: "32 or 16 hex, not all zero" })
    });
    let span = only(from, SPAN_ID)?
        .map(|value| span_id(value).ok_or(Unreadable { header: SPAN_ID, expected: "16 hex, not all zero" }));
    match (trace.transpose()?, span.transpose()?) {
        (None, None) if sampling == Sampling::Defer => Ok(None),
        (None, None) => Ok(Some(Remote { sampling, ..Remote::default() })),
        (Some(_), None) => Err(Unreadable { header: SPAN_ID, expected: "a span id beside X-B3-TraceId" }),
        (None, Some(_)) => Err(Unreadable { header: TRACE_ID, expected: "a trace id beside X-B3-SpanId" }),
        (trace_id, parent_id) => Ok(Some(Remote { trace_id, parent_id, sampling })),
    }
}

fn state(text: &[u8]) -> Option<Sampling> {
    match text {
        b"d" => Some(Sampling::Debug),
        b"0" | b"1" => sampled(text),
        _ => None,
    }
}

/// Old instrumentation writes `true` and `false`.
fn sampled(text: &[u8]) -> Option<Sampling> {
    let is = |word: &str| list::trim(text).eq_ignore_ascii_case(word.as_bytes());
    match (is("1") || is("true"), is("0") || is("false")) {
        (true, _) => Some(Sampling::Keep),
        (_, true) => Some(Sampling::Drop),
        _ => None,
    }
}

fn trace_id(text: &[u8]) -> Option<TraceId> {
    let fits = matches!(text.len(), 16 | 32);
    hex::decode_padded(text).map(TraceId).filter(|id| fits && id.is_valid())
}
