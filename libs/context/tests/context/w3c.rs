//! `traceparent` and what a receiver makes of it (W3C Trace Context level 2).

use throughline_context::w3c::{Context, Extraction, Rejected, extract, inject};
use throughline_context::{InvalidTraceparent as Invalid, InvalidTracestate, SpanId, Traceparent};

use crate::{PARENT, headers, parent};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

fn continues(pairs: &[(&str, &str)]) -> Option<Context> {
    match extract(&headers(pairs)) {
        Extraction::Valid { context, .. } => Some(context),
        _ => None,
    }
}

#[test]
fn each_rule_of_traceparent_has_its_reason() {
    let with = |pattern: &str| pattern.replace('T', TRACE).replace('S', SPAN);
    let table: &[(&str, Result<u8, Invalid>)] = &[
        ("00-T-S-00", Ok(0)),
        ("00-T-S-01", Ok(1)),
        // The random flag of level 2 travels on; bits that nobody has defined do not.
        ("00-T-S-02", Ok(2)),
        ("00-T-S-03", Ok(3)),
        ("00-T-S-ff", Ok(3)),
        ("00-T-S-04", Ok(0)),
        ("", Err(Invalid::Shape)),
        ("00", Err(Invalid::Shape)),
        ("00-T-S", Err(Invalid::Shape)),
        ("00-T-S-", Err(Invalid::Shape)),
        ("00-T-S-1", Err(Invalid::Shape)),
        ("00-T-S-001", Err(Invalid::Shape)),
        ("00-T-S-.0", Err(Invalid::Flags)),
        ("00-T-S-0.", Err(Invalid::Flags)),
        ("00-T-S-0A", Err(Invalid::Flags)),
        ("00-T-S-01.", Err(Invalid::Shape)),
        ("00-T-S-01-what-the-future-will-be-like", Err(Invalid::Shape)),
        ("01-T-S-01", Ok(1)),
        ("cc-T-S-01", Ok(1)),
        ("cc-T-S-01-", Ok(1)),
        ("cc-T-S-01-what-the-future-will-be-like", Ok(1)),
        ("cc-T-S-01.what-the-future-will-be-like", Err(Invalid::Shape)),
        ("cc-T-S-0", Err(Invalid::Shape)),
        ("ff-T-S-01", Err(Invalid::Version)),
        ("FF-T-S-01", Err(Invalid::Version)),
        (".0-T-S-01", Err(Invalid::Version)),
        ("0.-T-S-01", Err(Invalid::Version)),
        ("0-T-S-01", Err(Invalid::Version)),
        ("000-T-S-01", Err(Invalid::Shape)),
        ("0000-T-S-01", Err(Invalid::Shape)),
        ("00_T-S-01", Err(Invalid::Shape)),
        ("00-00000000000000000000000000000000-S-01", Err(Invalid::TraceId)),
        ("00-.2345678901234567890123456789012-S-01", Err(Invalid::TraceId)),
        ("00-1234567890123456789012345678901.-S-01", Err(Invalid::TraceId)),
        ("00-1234567890abcdeF1234567890123456-S-01", Err(Invalid::TraceId)),
        ("00-123456789012345678901234567890123-S-01", Err(Invalid::Shape)),
        ("00-1234567890123456789012345678901-S-01", Err(Invalid::Shape)),
        ("00-T-0000000000000000-01", Err(Invalid::SpanId)),
        ("00-T-.234567890123456-01", Err(Invalid::SpanId)),
        ("00-T-123456789012345.-01", Err(Invalid::SpanId)),
        ("00-T-12345678901234567-01", Err(Invalid::Shape)),
        ("00-T-123456789012345-01", Err(Invalid::Shape)),
        // What a proxy makes of two headers by joining them.
        ("00-T-S-01,00-T-S-01", Err(Invalid::Shape)),
        ("cc-T-S-01, cc-T-S-01", Err(Invalid::Shape)),
    ];
    for (pattern, expected) in table {
        let text = with(pattern);
        assert_eq!(text.parse::<Traceparent>().map(|read| read.flags), *expected, "{text}");
        let read = continues(&[("traceparent", &text), ("tracestate", "foo=1")]);
        assert_eq!(read.is_some(), expected.is_ok(), "{text}");
    }
}

#[test]
fn it_is_sent_as_version_00_with_known_flags_only() {
    for (read, written) in [
        (PARENT, PARENT),
        (
            "cc-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-ff-more",
            "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-03",
        ),
    ] {
        let parsed: Traceparent = read.parse().unwrap();
        assert_eq!(parsed.to_string(), written);
        assert_eq!(parsed.to_bytes(), *written.as_bytes());
    }
    let odd = Traceparent { flags: 0xff, ..parent() };
    assert!(odd.to_string().ends_with("-03"));
}

#[test]
fn header_names_have_any_case_and_no_other_spelling() {
    for name in ["traceparent", "TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        assert!(continues(&[(name, PARENT)]).is_some(), "{name}");
    }
    for name in ["trace-parent", "trace.parent", "trace_parent", "traceparent ", ""] {
        assert_eq!(extract(&headers(&[(name, PARENT)])), Extraction::Absent, "{name}");
    }
    for name in ["tracestate", "TraceState", "TRACESTATE"] {
        let read = continues(&[("traceparent", PARENT), (name, "foo=1")]).unwrap();
        assert_eq!(read.tracestate.as_str(), "foo=1", "{name}");
    }
    for name in ["trace-state", "trace.state"] {
        assert!(
            continues(&[("traceparent", PARENT), (name, "foo=1")]).unwrap().tracestate.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn white_space_around_the_value_is_no_part_of_it() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        let text = format!("{before}{PARENT}{after}");
        assert_eq!(continues(&[("traceparent", &text)]).unwrap().traceparent, parent(), "{text:?}");
    }
    for text in [format!("\n{PARENT}"), format!("{PARENT}\r"), format!("{PARENT} x")] {
        assert_eq!(continues(&[("traceparent", &text)]), None, "{text:?}");
    }
}

#[test]
fn two_traceparents_restart_the_trace_even_if_they_are_equal() {
    let other = "00-12345678901234567890123456789011-1234567890123456-01";
    for second in [PARENT, other, ""] {
        let headers = headers(&[("traceparent", PARENT), ("TraceParent", second), ("tracestate", "foo=1")]);
        let raw = format!("{PARENT}, {second}");
        assert_eq!(extract(&headers), Extraction::Invalid(Rejected { reason: Invalid::Repeated, raw }));
    }
}

#[test]
fn a_tracestate_alone_says_nothing() {
    assert_eq!(extract(&headers(&[("tracestate", "foo=1")])), Extraction::Absent);
}

#[test]
fn a_restart_keeps_what_was_received_for_the_record() {
    let long = "é".repeat(300);
    for (received, recorded) in [
        (b"00-nonsense".to_vec(), "00-nonsense".to_owned()),
        (b"\xff\xfe".to_vec(), "\u{fffd}\u{fffd}".to_owned()),
        (b"a\xff".repeat(300), "a\u{fffd}".repeat(128)),
        (long.into_bytes(), "é".repeat(128)),
    ] {
        let headers = [("traceparent", received)];
        let Extraction::Invalid(rejected) = extract(&headers) else { panic!() };
        assert_eq!(rejected.raw, recorded);
    }
}

#[test]
fn a_bad_tracestate_does_not_spoil_the_traceparent() {
    let headers = headers(&[("traceparent", PARENT), ("tracestate", "foo=1,FOO=2")]);
    let Extraction::Valid { context, dropped, raw } = extract(&headers) else { panic!() };
    assert_eq!(context, Context::new(parent()));
    assert_eq!(dropped, Some(InvalidTracestate::Key));
    assert_eq!(raw, PARENT.as_bytes());
}

#[test]
fn what_is_sent_on_replaces_what_came() {
    let mut request = headers(&[
        ("TraceParent", "00-12345678901234567890123456789012-1234567890123456-00"),
        ("accept", "*/*"),
        ("tracestate", "a=1"),
        ("TraceState", "b=2"),
    ]);
    let read = continues(&[("traceparent", PARENT), ("tracestate", "foo=1, bar=2"), ("tracestate", "baz=3")])
        .unwrap();
    let sent = read.child(SpanId([9; 8]));
    inject(&sent, &mut request);
    let written = "00-4bf92f3577f34da6c19e9222d19e89b8-0909090909090909-01";
    assert_eq!(
        request,
        headers(&[("accept", "*/*"), ("traceparent", written), ("tracestate", "foo=1,bar=2,baz=3")])
    );
    assert_eq!(continues(&[("traceparent", written), ("tracestate", "foo=1,bar=2,baz=3")]), Some(sent));

    inject(&Context::new(parent()), &mut request);
    assert_eq!(
        request,
        headers(&[("accept", "*/*"), ("traceparent", PARENT)]),
        "an empty tracestate is not sent"
    );
}

#[test]
fn a_slice_is_a_carrier() {
    let request: &[(&str, &[u8])] = &[("traceparent", PARENT.as_bytes())];
    assert!(matches!(extract(request), Extraction::Valid { .. }));
}
