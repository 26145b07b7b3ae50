//! Counting without decoding: only the lengths of the protobuf fields are read.

use serde_json::Value;

/// A body that is not protobuf.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the body is not a whole protobuf message")]
pub struct Malformed;

/// The field numbers from a request to its items; spans, metrics and log records stand at the same place.
const PATH: [u64; 3] = [1, 2, 2];

/// The spans (or metrics, or log records) of an OTLP export request.
pub fn items(request: &[u8]) -> Result<u64, Malformed> {
    count(request, &PATH)
}

/// The same for a request in OTLP/JSON.
pub fn json_items(request: &[u8]) -> Result<u64, Malformed> {
    let request: Value = serde_json::from_slice(request).map_err(|_| Malformed)?;
    let resources = list(&request, &["resourceSpans", "resourceMetrics", "resourceLogs"]);
    let scopes = resources.flat_map(|resource| list(resource, &["scopeSpans", "scopeMetrics", "scopeLogs"]));
    Ok(scopes.map(|scope| list(scope, &["spans", "metrics", "logRecords"]).count() as u64).sum())
}

fn list<'a>(object: &'a Value, keys: &[&str]) -> impl Iterator<Item = &'a Value> {
    keys.iter().find_map(|key| object.get(key)?.as_array()).into_iter().flatten()
}

fn count(mut message: &[u8], path: &[u64]) -> Result<u64, Malformed> {
    let Some((wanted, deeper)) = path.split_first() else { return Ok(1) };
    let mut found = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => drop(varint(&mut message)?),
            1 => drop(take(&mut message, 8)?),
            2 => {
                let length = varint(&mut message)?;
                let field = take(&mut message, length)?;
                if tag >> 3 == *wanted {
                    found += count(field, deeper)?;
                }
            }
            5 => drop(take(&mut message, 4)?),
            _ => return Err(Malformed),
        }
    }
    Ok(found)
}

fn take<'a>(message: &mut &'a [u8], length: u64) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    let (field, rest) = message.split_at_checked(length).ok_or(Malformed)?;
    *message = rest;
    Ok(field)
}

fn varint(message: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().ok_or(Malformed)?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn request(spans_by_scope_by_resource: &[Vec<usize>]) -> ExportTraceServiceRequest {
        let scope = |spans: &usize| ScopeSpans {
            spans: vec![Span { name: "n".repeat(*spans), ..Span::default() }; *spans],
            schema_url: "https://opentelemetry.io/schemas/1.38.0".into(),
            ..ScopeSpans::default()
        };
        let resource = |scopes: &Vec<usize>| ResourceSpans {
            scope_spans: scopes.iter().map(scope).collect(),
            ..ResourceSpans::default()
        };
        ExportTraceServiceRequest {
            resource_spans: spans_by_scope_by_resource.iter().map(resource).collect(),
        }
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_a_full_decode(
            shape in prop::collection::vec(prop::collection::vec(0_usize..200, 0..5), 0..5),
        ) {
            let wanted = shape.iter().flatten().sum::<usize>() as u64;
            prop_assert_eq!(items(&request(&shape).encode_to_vec()), Ok(wanted));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let counted = items(&bytes);
            if ExportTraceServiceRequest::decode(bytes.as_slice()).is_ok_and(|r| r.resource_spans.is_empty()) {
                prop_assert_eq!(counted.unwrap_or(0), 0);
            }
        }

        #[test]
        fn a_cut_request_is_malformed_or_shorter(shape in prop::collection::vec(1_usize..20, 1..4), cut in 0.0..1.0) {
            let whole = request(std::slice::from_ref(&shape)).encode_to_vec();
            let kept = whole.split_at((whole.len() as f64 * cut) as usize).0;
            prop_assert!(kept.is_empty() || items(kept) == Err(Malformed));
        }
    }

    #[test]
    fn log_records_are_counted_by_the_same_walk() {
        let logs = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                scope_logs: vec![ScopeLogs {
                    log_records: vec![LogRecord::default(); 7],
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        };
        assert_eq!(items(&logs.encode_to_vec()), Ok(7));
    }

    #[test]
    fn json_is_counted_too() {
        let text =
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]},{"spans":[{}]}]},{"scopeSpans":[]}]}"#;
        assert_eq!(json_items(text), Ok(3));
        assert_eq!(json_items(b"{}"), Ok(0));
        assert_eq!(json_items(b"{"), Err(Malformed));
    }
}
