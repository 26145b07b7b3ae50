//! B3, Jaeger, X-Ray and Datadog: what is read, what is written.

use throughline_context::datadog::{self, Datadog};
use throughline_context::xray::{self, XRay};
use throughline_context::{Baggage, Format, Remote, Sampling, SpanId, TraceId, Tracestate, jaeger};

use crate::{Headers, SPAN, TRACE, headers, parent, span, trace};

fn remote(trace_id: TraceId, parent_id: SpanId, sampling: Sampling) -> Remote {
    Remote { trace_id: Some(trace_id), parent_id: Some(parent_id), sampling }
}

fn decision(sampling: Sampling) -> Remote {
    Remote { sampling, ..Remote::default() }
}

/// `None` where the headers cannot be read.
type Row<'a> = (&'a [(&'a str, &'a str)], Option<Option<Remote>>);

fn check(format: Format, table: &[Row]) {
    for (pairs, expected) in table {
        assert_eq!(format.extract(&headers(pairs)).ok(), *expected, "{pairs:?}");
    }
}

fn written(format: Format, remote: &Remote) -> Headers {
    let mut to = Headers::new();
    format.inject(remote, &mut to);
    to
}

#[test]
fn b3_in_one_header() {
    let (t, s) = (trace(), span());
    let short = TraceId(0x9034_5678_9012_3456_u128.to_be_bytes());
    let whole = |state: &str| format!("{TRACE}-{SPAN}{state}");
    check(
        Format::B3,
        &[
            (&[], Some(None)),
            (&[("b3", &whole(""))], Some(Some(remote(t, s, Sampling::Defer)))),
            (&[("B3", &whole("-1"))], Some(Some(remote(t, s, Sampling::Keep)))),
            (&[("b3", &whole("-0"))], Some(Some(remote(t, s, Sampling::Drop)))),
            (&[("b3", &whole("-d"))], Some(Some(remote(t, s, Sampling::Debug)))),
            (&[("b3", &whole("-1-05e3ac9a4f6e3b90"))], Some(Some(remote(t, s, Sampling::Keep)))),
            (&[("b3", &whole("-1").to_uppercase())], Some(Some(remote(t, s, Sampling::Keep)))),
            (&[("b3", &format!("9034567890123456-{SPAN}-1"))], Some(Some(remote(short, s, Sampling::Keep)))),
            (&[("b3", "0")], Some(Some(decision(Sampling::Drop)))),
            (&[("b3", "1")], Some(Some(decision(Sampling::Keep)))),
            (&[("b3", "d")], Some(Some(decision(Sampling::Debug)))),
            (&[("b3", &whole("-1")), ("X-B3-TraceId", "x")], Some(Some(remote(t, s, Sampling::Keep)))),
            (&[("b3", "")], None),
            (&[("b3", "2")], None),
            (&[("b3", TRACE)], None),
            (&[("b3", &whole("-x"))], None),
            (&[("b3", &whole("-true"))], None),
            (&[("b3", &whole("-1-"))], None),
            (&[("b3", &whole("-1-05e3ac9a4f6e3b90-x"))], None),
            (&[("b3", &format!("{TRACE}0-{SPAN}"))], None),
            (&[("b3", &format!("{TRACE}-{}", "0".repeat(16)))], None),
            (&[("b3", &format!("{}-{SPAN}", "0".repeat(32)))], None),
            (&[("b3", "0"), ("b3", "0")], None),
        ],
    );
}

#[test]
fn b3_in_several_headers() {
    let (t, s) = (trace(), span());
    let ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
    let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
    check(
        Format::B3Multi,
        &[
            (&with(&[]), Some(Some(remote(t, s, Sampling::Defer)))),
            (&with(&[("X-B3-Sampled", "1")]), Some(Some(remote(t, s, Sampling::Keep)))),
            (&with(&[("X-B3-Sampled", "true")]), Some(Some(remote(t, s, Sampling::Keep)))),
            (&with(&[("X-B3-Sampled", "0")]), Some(Some(remote(t, s, Sampling::Drop)))),
            (&with(&[("X-B3-Sampled", "False")]), Some(Some(remote(t, s, Sampling::Drop)))),
            (&with(&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")]), Some(Some(remote(t, s, Sampling::Debug)))),
            (&with(&[("X-B3-Flags", "0")]), Some(Some(remote(t, s, Sampling::Defer)))),
            (&[("X-B3-Sampled", "0")], Some(Some(decision(Sampling::Drop)))),
            (&[("X-B3-Flags", "1")], Some(Some(decision(Sampling::Debug)))),
            (&with(&[("X-B3-Sampled", "maybe")]), None),
            (&ids[..1], None),
            (&ids[1..], None),
            (&[("X-B3-TraceId", "xyz"), ids[1]], None),
            (&[ids[0], ("X-B3-SpanId", "1")], None),
        ],
    );
}

#[test]
fn b3_as_written() {
    let keep = Remote::from(parent());
    let ids = format!("{TRACE}-{SPAN}");
    for (sampling, single, multi) in [
        (Sampling::Keep, format!("{ids}-1"), Some(("X-B3-Sampled", "1"))),
        (Sampling::Drop, format!("{ids}-0"), Some(("X-B3-Sampled", "0"))),
        (Sampling::Debug, format!("{ids}-d"), Some(("X-B3-Flags", "1"))),
        (Sampling::Defer, ids.clone(), None),
    ] {
        let remote = Remote { sampling, ..keep };
        assert_eq!(written(Format::B3, &remote), headers(&[("b3", &single)]));
        let mut expected = headers(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)]);
        expected.extend(headers(multi.as_slice()));
        assert_eq!(written(Format::B3Multi, &remote), expected);
    }
    assert_eq!(written(Format::B3, &decision(Sampling::Drop)), headers(&[("b3", "0")]));
}

#[test]
fn jaeger_ids_are_short_and_colons_encoded() {
    let (t, s) = (trace(), span());
    let small = remote(TraceId(0xabc_u128.to_be_bytes()), SpanId(0x1_u64.to_be_bytes()), Sampling::Keep);
    check(
        Format::Jaeger,
        &[
            (&[], Some(None)),
            (&[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:1"))], Some(Some(remote(t, s, Sampling::Keep)))),
            (
                &[("Uber-Trace-Id", &format!("{TRACE}%3A{SPAN}%3a0%3A0"))],
                Some(Some(remote(t, s, Sampling::Drop))),
            ),
            (
                &[("uber-trace-id", &format!("{TRACE}:{SPAN}:{SPAN}:3"))],
                Some(Some(remote(t, s, Sampling::Debug))),
            ),
            (&[("uber-trace-id", &format!("{TRACE}:{SPAN}::01"))], Some(Some(remote(t, s, Sampling::Keep)))),
            (&[("uber-trace-id", "abc:1:0:1")], Some(Some(small))),
            (&[("uber-trace-id", "0:1:0:1")], None),
            (&[("uber-trace-id", "1:0:0:1")], None),
            (&[("uber-trace-id", ":1:0:1")], None),
            (&[("uber-trace-id", "1:1:0")], None),
            (&[("uber-trace-id", "1:1:0:1:1")], None),
            (&[("uber-trace-id", "1:1:x:1")], None),
            (&[("uber-trace-id", "1:1:0:")], None),
            (&[("uber-trace-id", "1:1:0:100")], None),
            (&[("uber-trace-id", &format!("0{TRACE}:1:0:1"))], None),
            (&[("uber-trace-id", "%")], None),
        ],
    );
    let expected = format!("{TRACE}:{SPAN}:0:1");
    assert_eq!(written(Format::Jaeger, &parent().into()), headers(&[("uber-trace-id", &expected)]));
    assert_eq!(written(Format::Jaeger, &decision(Sampling::Drop)), headers(&[]));
}

#[test]
fn jaeger_baggage_is_a_header_for_each_key() {
    let received =
        headers(&[("UberCtx-user", "a%20b"), ("uberctx-", "x"), ("other", "y"), ("uberctx-k", "%C3%A9")]);
    let baggage = jaeger::extract_baggage(&received);
    assert_eq!(baggage.as_str(), "user=a%20b,k=%C3%A9");
    let mut sent = headers(&[("uberctx-user", "old")]);
    jaeger::inject_baggage(&baggage, &mut sent);
    assert_eq!(sent, headers(&[("uberctx-user", "a%20b"), ("uberctx-k", "%C3%A9")]));
    let many: Vec<(String, String)> = (0..100).map(|at| (format!("uberctx-k{at}"), "v".into())).collect();
    assert_eq!(jaeger::extract_baggage(&many).members().count(), Baggage::MAX_MEMBERS);
}

#[test]
fn xray_keeps_what_it_does_not_know() {
    let root = "Root=1-4bf92f35-77f34da6c19e9222d19e89b8";
    let parent_field = format!("Parent={SPAN}");
    let alone = Remote { trace_id: Some(trace()), ..Remote::default() };
    check(
        Format::XRay,
        &[
            (&[], Some(None)),
            (
                &[("x-amzn-trace-id", &format!("{root};{parent_field};Sampled=1"))],
                Some(Some(parent().into())),
            ),
            (
                &[("X-Amzn-Trace-Id", &format!("{root}; {parent_field}; Sampled=0"))],
                Some(Some(Remote { sampling: Sampling::Drop, ..parent().into() })),
            ),
            (
                &[("X-Amzn-Trace-Id", &format!("Sampled=?;{parent_field};{root};"))],
                Some(Some(Remote { sampling: Sampling::Defer, ..parent().into() })),
            ),
            (&[("X-Amzn-Trace-Id", root)], Some(Some(alone))),
            (&[("X-Amzn-Trace-Id", "Sampled=0")], Some(Some(decision(Sampling::Drop)))),
            (&[("X-Amzn-Trace-Id", "Root=1-4bf92f35-77f34da6c19e9222d19e89b")], None),
            (&[("X-Amzn-Trace-Id", "Root=1-4bf92f3577f34da6c19e9222d19e89b8")], None),
            (&[("X-Amzn-Trace-Id", "Root=1-4bf92f3-77f34da6c19e9222d19e89b8")], None),
            (&[("X-Amzn-Trace-Id", "Root=2-4bf92f35-77f34da6c19e9222d19e89b8")], None),
            (&[("X-Amzn-Trace-Id", "Root=1-00000000-000000000000000000000000")], None),
            (&[("X-Amzn-Trace-Id", &format!("{root};Parent=0000000000000000"))], None),
            (&[("X-Amzn-Trace-Id", &format!("{root};x"))], None),
            (&[("X-Amzn-Trace-Id", &format!("{root};Self=\r\nSet-Cookie: x"))], None),
        ],
    );
    let text = format!("Self=1-67891234-12456789abcdef012345678;{root};Lineage=a:1");
    let read = xray::extract(&headers(&[("X-Amzn-Trace-Id", &text)])).unwrap().unwrap();
    assert_eq!(read.others, "Self=1-67891234-12456789abcdef012345678;Lineage=a:1");
    let mut sent = Headers::new();
    xray::inject(&XRay { remote: parent().into(), ..read }, &mut sent);
    let expected =
        format!("{root};{parent_field};Sampled=1;Self=1-67891234-12456789abcdef012345678;Lineage=a:1");
    assert_eq!(sent, headers(&[("X-Amzn-Trace-Id", &expected)]));
    let expected = format!("{root};Sampled=?");
    assert_eq!(written(Format::XRay, &alone), headers(&[("X-Amzn-Trace-Id", &expected)]));
}

/// The ids of `crate::TRACE` and `crate::SPAN` in Datadog's form.
const LOW: &str = "13951749373883746744";
const UPPER: &str = "_dd.p.tid=4bf92f3577f34da6";
const DECIMAL_SPAN: &str = "14752968079444816953";

#[test]
fn datadog_ids_are_decimal_with_the_upper_half_in_a_tag() {
    let ids = [("x-datadog-trace-id", LOW), ("x-datadog-parent-id", DECIMAL_SPAN)];
    let with = |more: &[(&'static str, &'static str)]| [&ids[..], more].concat();
    let low = TraceId((u128::from_be_bytes(trace().0) & u128::from(u64::MAX)).to_be_bytes());
    let full = |sampling| Some(Some(remote(trace(), span(), sampling)));
    check(
        Format::Datadog,
        &[
            (&[], Some(None)),
            (&with(&[("x-datadog-tags", UPPER)]), full(Sampling::Defer)),
            (&with(&[("x-datadog-tags", UPPER), ("x-datadog-sampling-priority", "2")]), full(Sampling::Keep)),
            (&with(&[("x-datadog-tags", UPPER), ("x-datadog-sampling-priority", "1")]), full(Sampling::Keep)),
            (&with(&[("x-datadog-tags", UPPER), ("x-datadog-sampling-priority", "0")]), full(Sampling::Drop)),
            (
                &with(&[("x-datadog-tags", UPPER), ("x-datadog-sampling-priority", "-1")]),
                full(Sampling::Drop),
            ),
            (&with(&[]), Some(Some(remote(low, span(), Sampling::Defer)))),
            (&with(&[("x-datadog-tags", "_dd.p.tid=xyz")]), Some(Some(remote(low, span(), Sampling::Defer)))),
            (&ids[..1], Some(Some(Remote { trace_id: Some(low), ..Remote::default() }))),
            (
                &[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "0")],
                Some(Some(Remote { trace_id: Some(TraceId(1_u128.to_be_bytes())), ..Remote::default() })),
            ),
            (&[("x-datadog-sampling-priority", "-1")], Some(Some(decision(Sampling::Drop)))),
            (&[("x-datadog-trace-id", "0")], None),
            (&[("x-datadog-trace-id", "+1")], None),
            (&[("x-datadog-trace-id", "18446744073709551616")], None),
            (&[("x-datadog-trace-id", "x")], None),
            (&[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "x")], None),
            (&with(&[("x-datadog-sampling-priority", "high")]), None),
        ],
    );
    assert_eq!(
        written(Format::Datadog, &parent().into()),
        headers(&[ids[0], ids[1], ("x-datadog-sampling-priority", "1"), ("x-datadog-tags", UPPER)])
    );
}

#[test]
fn datadog_tags_and_origin_travel_on() {
    let tags = format!("_dd.p.dm=-4,{UPPER},_dd.p.usr.id=baz64=");
    let received = headers(&[
        ("x-datadog-trace-id", LOW),
        ("x-datadog-parent-id", DECIMAL_SPAN),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", &tags),
    ]);
    let read = datadog::extract(&received).unwrap().unwrap();
    assert_eq!(read.tags, "_dd.p.dm=-4,_dd.p.usr.id=baz64=");
    let mut sent = Headers::new();
    datadog::inject(&read, &mut sent);
    assert_eq!(datadog::extract(&sent).unwrap(), Some(read.clone()));

    assert_eq!(read.to_member(), format!("s:2;o:rum;p:{SPAN};t.dm:-4;t.usr.id:baz64~"));
    let mut state = Tracestate::default();
    state.set("dd", &read.to_member()).unwrap();
    assert_eq!(Datadog::from_tracestate(&state, read.remote), Some(read));
    assert_eq!(Datadog::from_tracestate(&Tracestate::default(), Remote::default()), None);

    let unsafe_text = headers(&[("x-datadog-origin", "a\r\nb"), ("x-datadog-trace-id", "1")]);
    assert_eq!(datadog::extract(&unsafe_text).unwrap().unwrap().origin, None);
}

#[test]
fn the_member_dd_is_always_a_tracestate_value() {
    let odd = Datadog {
        priority: Some(-1),
        origin: Some("a,b;c~d=é ".into()),
        tags: format!("_dd.p.a b=1,_dd.p.c:d=2,_dd.p.long={},_dd.p.z=x ", "v".repeat(300)),
        ..Datadog::default()
    };
    let member = odd.to_member();
    assert_eq!(member, "s:-1;o:a_b_c_d~_;t.a_b:1;t.c_d:2;t.z:x");
    Tracestate::default().set("dd", &member).unwrap();
}

#[test]
fn formats_have_the_names_of_otel_propagators() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        let sent = written(format, &parent().into());
        assert_eq!(format.extract(&sent), Ok(Some(parent().into())), "{}", format.name());
    }
    assert!("tracecontext".parse::<Format>().is_err());
}
