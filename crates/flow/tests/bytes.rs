//! Checked bytes, views, edits and JSON agree with a prost decode of the same bytes.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test may panic")]

#[path = "bytes/arbitrary.rs"]
mod arbitrary;
#[path = "bytes/agreement.rs"]
mod agreement;
#[path = "bytes/views.rs"]
mod views;
#[path = "bytes/metric_views.rs"]
mod metric_views;

use flow::Signal;
use flow::otlp::{Limits, accept, json};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use proptest::prelude::*;
use prost::Message;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn traces_agree(request in arbitrary::traces()) {
        let sound = flow::otlp::check(Signal::Traces, &request.encode_to_vec(), &Limits::default()).unwrap();
        let spans: usize = request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
        prop_assert_eq!((sound.items, sound.odd), (spans, false));
        agreement::on_bytes(Signal::Traces, &request.encode_to_vec());
    }

    #[test]
    fn metrics_agree(request in arbitrary::metrics()) {
        agreement::on_bytes(Signal::Metrics, &request.encode_to_vec());
    }

    /// Views are total, also on what no door has seen.
    #[test]
    fn damaged_metrics_are_read(
        request in arbitrary::metrics(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = request.encode_to_vec();
        for (at, byte) in damage {
            if let Some(there) = bytes.get_mut(at.index(request.encoded_len().max(1))) {
                *there = byte;
            }
        }
        agreement::on_bytes(Signal::Metrics, &bytes);
        metric_views::walk(&bytes);
    }

    #[test]
    fn any_bytes_are_read_as_metrics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        metric_views::walk(&bytes);
    }

    #[test]
    fn logs_agree(request in arbitrary::logs()) {
        agreement::on_bytes(Signal::Logs, &request.encode_to_vec());
    }

    /// Concatenated requests are one request; that is what `batch` relies on.
    #[test]
    fn joined_requests_agree(first in arbitrary::traces(), second in arbitrary::traces()) {
        let mut bytes = first.encode_to_vec();
        bytes.extend(second.encode_to_vec());
        agreement::on_bytes(Signal::Traces, &bytes);
    }

    /// A singular message given twice is merged by protobuf, a scalar given twice counts last.
    #[test]
    fn odd_encodings_agree(request in arbitrary::traces(), extra in arbitrary::traces()) {
        agreement::on_bytes(Signal::Traces, &arbitrary::repeat_singular(&request, &extra));
    }

    #[test]
    fn damaged_requests_agree(request in arbitrary::traces(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.truncate(at);
            }
        }
        agreement::on_bytes(Signal::Traces, &bytes);
    }

    #[test]
    fn any_bytes_agree(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for signal in Signal::ALL {
            agreement::on_bytes(signal, &bytes);
            if let Ok(bytes) = json::decode(signal, &bytes) {
                agreement::on_bytes(signal, &bytes);
            }
        }
    }

    #[test]
    fn edits_agree(
        request in arbitrary::traces(),
        extra in arbitrary::traces(),
        edits in prop::collection::vec(arbitrary::edit(), 1..5),
    ) {
        agreement::on_edits(&request.encode_to_vec(), &edits);
        agreement::on_edits(&arbitrary::repeat_singular(&request, &extra), &edits);
    }

    #[test]
    fn resource_edits_agree(
        traces in arbitrary::traces(),
        metrics in arbitrary::metrics(),
        edits in prop::collection::vec(arbitrary::edit(), 1..5),
    ) {
        agreement::on_resource_edits(&traces, &metrics, &edits);
    }

    #[test]
    fn sifted_spans_agree(
        traces in arbitrary::traces(),
        fates in prop::collection::vec(0_u8..6, 1..40),
        content in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        agreement::on_sift(&traces, &fates, content.len());
    }

    #[test]
    fn revisions_agree(traces in arbitrary::traces(), fates in prop::collection::vec(0_u8..4, 1..40), len in 0_usize..200) {
        agreement::on_revisions(&traces, &fates, len);
    }

    #[test]
    fn pieces_are_the_whole(traces in arbitrary::traces(), metrics in arbitrary::metrics(), max in 1_usize..5) {
        agreement::on_split(Signal::Traces, &traces.encode_to_vec(), max);
        agreement::on_split(Signal::Metrics, &metrics.encode_to_vec(), max);
    }

    #[test]
    fn parted_traces_are_the_same(first in arbitrary::traces(), second in arbitrary::traces(), ways in 1_usize..256) {
        agreement::on_partition(&[first.encode_to_vec(), second.encode_to_vec()], ways);
    }
}

/// Every byte of a request takes every value, and the request ends at every place.
#[test]
fn every_single_damage_agrees() {
    let whole = arbitrary::full_span().encode_to_vec();
    for at in 0..whole.len() {
        agreement::on_bytes(Signal::Traces, &whole[..at]);
        let mut bytes = whole.clone();
        for byte in 0..=u8::MAX {
            bytes[at] = byte;
            agreement::on_bytes(Signal::Traces, &bytes);
        }
    }
}

/// Every bit of a request with one point of every kind is turned, and the request ends at every place.
#[test]
fn every_single_damage_of_metrics_agrees() {
    let whole = arbitrary::every_kind().encode_to_vec();
    for at in 0..whole.len() {
        agreement::on_bytes(Signal::Metrics, &whole[..at]);
        metric_views::walk(&whole[..at]);
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            agreement::on_bytes(Signal::Metrics, &bytes);
            metric_views::walk(&bytes);
        }
    }
}

/// What a later version puts into a value beside what is known leaves the value as it is.
#[test]
fn values_with_unknown_fields_agree() {
    for value in arbitrary::every_value() {
        let (known, unknown) = (AnyValue { value: Some(value) }.encode_to_vec(), [0x78, 0x01]);
        for parts in [[known.as_slice(), &unknown], [&unknown, &known]] {
            let mut bytes = Vec::new();
            let entry = |out: &mut Vec<u8>| flow::wire::put_len(out, 2, &parts.concat());
            let span = |out: &mut Vec<u8>| flow::wire::put_nested(out, 9, entry);
            let scope = |out: &mut Vec<u8>| flow::wire::put_nested(out, 2, span);
            flow::wire::put_nested(&mut bytes, 1, |out| flow::wire::put_nested(out, 2, scope));
            agreement::on_bytes(Signal::Traces, &bytes);
        }
    }
}

/// Each length around an edit passes a width of its varint, at some size of the span.
#[test]
fn lengths_grow_and_shrink_over_every_width() {
    for near in [1 << 7, 1 << 14, 1 << 21] {
        for short in (0..120).step_by(if near > 1 << 20 { 12 } else { 1 }) {
            let mut request = arbitrary::one_span();
            let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
            span.name = "n".repeat((near - short) / 2);
            span.status = Some(arbitrary::status(&"s".repeat((near - short).div_ceil(2))));
            let set = arbitrary::Edit::Set("added".into(), arbitrary::string("twenty bytes of text"));
            agreement::on_edits(&request.encode_to_vec(), &[set]);
            agreement::on_edits(&request.encode_to_vec(), &[arbitrary::Edit::Remove("a".into())]);
        }
    }
}

/// `PROPTEST_CASES` for the long runs.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

#[test]
fn refusals_name_the_place() {
    let span = |field: &[u8]| {
        let mut request = Vec::new();
        flow::wire::put_nested(&mut request, 1, |out| {
            flow::wire::put_nested(out, 2, |out| {
                flow::wire::put_nested(out, 2, |out| out.extend_from_slice(field))
            })
        });
        request
    };
    let deep = {
        let mut value = vec![];
        for _ in 0..10_000 {
            let mut outer = vec![];
            flow::wire::put_nested(&mut outer, 5, |out| flow::wire::put_len(out, 1, &value));
            value = outer;
        }
        let mut attribute = vec![];
        flow::wire::put_nested(&mut attribute, 9, |out| flow::wire::put_len(out, 2, &value));
        span(&attribute)
    };
    let table: &[(&str, Vec<u8>, &str)] = &[
        (
            "cut",
            vec![0x0a, 0x05],
            "ExportTraceServiceRequest.resourceSpans at byte 0: the message ends inside a field",
        ),
        (
            "id",
            span(&[0x0a, 3, 1, 2, 3]),
            "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.traceId at byte 0: an id of 3 bytes; it has 16, or none",
        ),
        (
            "type",
            span(&[0x38, 1]),
            "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.startTimeUnixNano at byte 0: wire type 0 does not fit this field",
        ),
        (
            "utf8",
            span(&[0x2a, 1, 0xff]),
            "ExportTraceServiceRequest.resourceSpans.scopeSpans.spans.name at byte 0: not valid UTF-8",
        ),
        ("tag", vec![0x07], "ExportTraceServiceRequest at byte 0: not a protobuf field tag"),
    ];
    for (name, bytes, expected) in table {
        let refusal = accept(Signal::Traces, bytes.clone().into(), &Limits::default()).unwrap_err();
        assert_eq!(refusal.why, *expected, "{name}");
    }
    let refusal = accept(Signal::Traces, deep.into(), &Limits::default()).unwrap_err();
    assert!(refusal.why.ends_with("messages nested deeper than 96 levels"), "{}", refusal.why);
    let few = Limits { items: 1, ..Limits::default() };
    let two = [span(&[]), span(&[])].concat();
    assert!(accept(Signal::Traces, two.into(), &few).unwrap_err().why.contains("more than 1 items"));
}

#[test]
fn json_is_read_as_the_specification_has_it() {
    let text = br#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},
        "unknown":{"deep":[1,2,{"x":null}]},
        "scope_spans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174",
        "name":"I \u00e9 \"x\"","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,
        "parentSpanId":"","status":null,"flags":257,
        "attributes":[{"key":"i","value":{"intValue":"-3"}},{"key":"d","value":{"doubleValue":1e-3}},{"key":"n","value":{"doubleValue":"NaN"}},
        {"key":"b","value":{"bytesValue":"AQI"}},{"key":"t","value":{"boolValue":true}},{"key":"i2","value":{"intValue":7.0}}]}]}]}]}"#;
    let bytes = json::decode(Signal::Traces, text).unwrap();
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    let again = json::encode(Signal::Traces, &bytes.into());
    expect_test::expect![[r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"I é \"x\"","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[{"key":"i","value":{"intValue":"-3"}},{"key":"d","value":{"doubleValue":0.001}},{"key":"n","value":{"doubleValue":"NaN"}},{"key":"b","value":{"bytesValue":"AQI="}},{"key":"t","value":{"boolValue":true}},{"key":"i2","value":{"intValue":"7"}}],"flags":257}]}]}]}"#]]
    .assert_eq(std::str::from_utf8(&again).unwrap());
    assert_eq!(request.resource_spans[0].scope_spans[0].spans[0].attributes.len(), 6);
}

#[test]
fn json_refusals_name_the_place() {
    let table = [
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"ab"}]}]}]}"#,
            "resourceSpans.scopeSpans.spans.traceId: an id of 2 hexadecimal digits, expected 32 at line 1 column 58",
        ),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}"#,
            "resourceSpans.scopeSpans.spans.kind: unknown enum value \"SERVER\" at line 1 column 59",
        ),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}"#,
            "resourceSpans.scopeSpans.spans.startTimeUnixNano: -1 is out of range, expected an unsigned 64-bit integer at line 1 column 66",
        ),
        (
            r#"{"resourceSpans":{}}"#,
            "resourceSpans: invalid type: map, expected an array at line 1 column 19",
        ),
        (
            r#"[1]"#,
            "invalid type: sequence, expected a JSON object (ExportTraceServiceRequest) at line 1 column 1",
        ),
        (r#"{"resourceSpans":["#, "resourceSpans: EOF while parsing a list at line 1 column 18"),
        ("", "EOF while parsing a value at line 1 column 0"),
    ];
    for (text, expected) in table {
        let refusal = json::decode(Signal::Traces, text.as_bytes()).unwrap_err();
        assert_eq!(refusal.why, expected, "{text}");
    }
    let nested = r#"{"arrayValue":{"values":["#.repeat(10_000);
    let deep = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{nested}"#);
    assert!(json::decode(Signal::Traces, deep.as_bytes()).unwrap_err().why.contains("recursion limit"));
}
