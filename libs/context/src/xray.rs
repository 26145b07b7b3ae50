//! AWS X-Ray's header `X-Amzn-Trace-Id`, which load balancers write (docs.aws.amazon.com, "Tracing header").

use alloc::format;
use alloc::string::String;

use crate::carrier::{Getter, Setter};
use crate::id::TraceId;
use crate::remote::{Remote, Sampling, Unreadable, only, span_id};
use crate::{hex, list};

const HEADER: &str = "X-Amzn-Trace-Id";

/// What the header said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct XRay {
    /// `Root`, `Parent` and `Sampled`. A load balancer writes `Root` alone: there is a trace, and no span to hang
    /// below.
    pub remote: Remote,
    /// The other fields as received, as in `Self=1-67891234-12456789abcdef012345678;Lineage=a:1`; they travel on.
    pub others: String,
}

/// Reads `X-Amzn-Trace-Id`.
pub fn extract(from: &(impl Getter + ?Sized)) -> Result<Option<XRay>, Unreadable> {
    let Some(value) = only(from, HEADER)? else { return Ok(None) };
    read(value).map(Some).ok_or(Unreadable {
        header: HEADER,
        expected: "Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<1, 0 or ?>, the ids not zero",
    })
}

/// Writes `X-Amzn-Trace-Id`; takes it away where there is no trace.
pub fn inject(xray: &XRay, to: &mut (impl Setter + ?Sized)) {
    let Some(trace) = xray.remote.trace_id else { return to.unset(HEADER) };
    let digits = hex::encode(trace.0);
    let (time, rest) = digits.as_flattened().split_at_checked(8).unwrap_or_default();
    let mut value = format!("Root=1-{}-{}", hex::ascii(time), hex::ascii(rest));
    if let Some(span) = xray.remote.parent_id {
        value.push_str(&format!(";Parent={span}"));
    }
    value.push_str(match xray.remote.sampling {
        Sampling::Defer => ";Sampled=?",
        Sampling::Drop => ";Sampled=0",
        Sampling::Keep | Sampling::Debug => ";Sampled=1",
    });
    if !xray.others.is_empty() {
        value.extend([";", &xray.others]);
    }
    to.set(HEADER, &value);
}

fn read(value: &[u8]) -> Option<XRay> {
    let mut xray = XRay::default();
    for field in value.split(|byte| *byte == b';').map(list::trim).filter(|field| !field.is_empty()) {
        let (key, value) = list::split_once(field, b'=')?;
        let (key, value) = (list::trim(key), list::trim(value));
        if key.eq_ignore_ascii_case(b"Root") {
            xray.remote.trace_id = Some(root(value)?);
        } else if key.eq_ignore_ascii_case(b"Parent") {
            xray.remote.parent_id = Some(span_id(value)?);
        } else if key.eq_ignore_ascii_case(b"Sampled") {
            xray.remote.sampling = match value {
                b"1" => Sampling::Keep,
                b"0" => Sampling::Drop,
                _ => Sampling::Defer,
            };
        } else {
            let separator = if xray.others.is_empty() { "" } else { ";" };
            xray.others.extend([separator, list::printable(field)?]);
        }
    }
    Some(xray)
}

fn root(value: &[u8]) -> Option<TraceId> {
    let [b'1', b'-', id @ ..] = value else { return None };
    let (time, rest) = list::split_once(id, b'-')?;
    let time: [u8; 4] = hex::decode_padded(time).filter(|_| time.len() == 8)?;
    let rest: [u8; 12] = hex::decode_padded(rest).filter(|_| rest.len() == 24)?;
    let mut id = [0; 16];
    id.iter_mut().zip(time.into_iter().chain(rest)).for_each(|(slot, byte)| *slot = byte);
    Some(TraceId(id)).filter(TraceId::is_valid)
}
