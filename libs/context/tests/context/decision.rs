//! The reading order and the trust, over every combination of sources.

use throughline_context::w3c::{Context, Rejected};
use throughline_context::{
    Candidate, Decision, Format, Found, InvalidTraceparent, Link, Reason, Source, SpanId, TraceId,
    Traceparent, Trust, uui,
};

use crate::{Headers, headers};

const UUID: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const OTEL: &str = "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e";
const PREVIOUS: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
const BAD: &str = "00-nonsense";

fn parent(byte: u8) -> Traceparent {
    Traceparent { trace_id: TraceId([byte; 16]), parent_id: SpanId([byte; 8]), flags: 1 }
}

/// The sources in the order of trust, with the context that each of them carries below.
fn sources() -> [(Source, TraceId, Option<SpanId>); 7] {
    let whole = |source, byte| (source, TraceId([byte; 16]), Some(SpanId([byte; 8])));
    let conversation = Traceparent::from_conversation(UUID).unwrap();
    [
        whole(Source::Format(Format::B3), 0xb3),
        whole(Source::Uui, 2),
        whole(Source::ParticipantData, 3),
        (Source::Conversation, conversation.trace_id, Some(conversation.parent_id)),
        whole(Source::CallId, 5),
        (Source::OtelTraceId, TraceId([0x0e; 16]), None),
        (Source::PreviousTraceId, TraceId([0x0f; 16]), None),
    ]
}

fn decide(request: &Headers, participant: Option<&str>, call: Option<Traceparent>, trust: Trust) -> Decision {
    let mut found = Found::read(request, &[Format::B3]);
    call.into_iter().for_each(|call| found.add(Candidate::new(Source::CallId, call, b"call-1")));
    participant.and_then(Candidate::participant_data).into_iter().for_each(|candidate| found.add(candidate));
    found.decide(trust)
}

/// What the most trusted source must lead to.
fn expected(traceparent: Option<&str>, best: Option<usize>, trust: Trust) -> Decision {
    let rejected = traceparent
        .filter(|text| *text == BAD)
        .map(|raw| Rejected { reason: InvalidTraceparent::Shape, raw: raw.to_owned() });
    let valid = traceparent.and_then(|text| text.parse::<Traceparent>().ok());
    let best = match valid {
        Some(valid) => Some((Source::Traceparent, valid.trace_id, Some(valid.parent_id))),
        None => best.and_then(|best| sources().get(best).copied()),
    };
    let Some((source, trace_id, span_id)) = best else {
        return match rejected {
            Some(Rejected { reason, raw }) => {
                Decision::Restart { link: None, reason: Reason::Invalid(reason), raw }
            }
            None => Decision::New,
        };
    };
    let link = Some(Link { trace_id, span_id, source });
    match (source, trust) {
        (Source::PreviousTraceId, _) | (_, Trust::Untrusted) => {
            let raw = match source {
                Source::Traceparent => parent(1).to_string(),
                Source::Format(_) => format!("{}-{}-1", TraceId([0xb3; 16]), SpanId([0xb3; 8])),
                Source::Uui => uui::payload(&parent(2)),
                Source::ParticipantData => parent(3).to_string(),
                Source::Conversation => UUID.into(),
                Source::CallId => "call-1".into(),
                Source::OtelTraceId => OTEL.into(),
                Source::PreviousTraceId => PREVIOUS.into(),
            };
            let reason = if trust == Trust::Untrusted { Reason::Untrusted } else { Reason::PreviousTrace };
            match rejected {
                Some(Rejected { reason, raw }) => {
                    Decision::Restart { link, reason: Reason::Invalid(reason), raw }
                }
                None => Decision::Restart { link, reason, raw },
            }
        }
        (Source::Conversation | Source::OtelTraceId, Trust::Trusted) => {
            Decision::Join { trace_id, parent_id: span_id, source, rejected }
        }
        _ => {
            let traceparent = Traceparent { trace_id, parent_id: span_id.unwrap(), flags: 1 };
            Decision::Continue { context: Context::new(traceparent), source, rejected }
        }
    }
}

#[test]
fn every_combination_of_sources() {
    let good = parent(1).to_string();
    let call = Some(parent(5));
    let participant = parent(3).to_string();
    for present in 0_u32..1 << 7 {
        let has = |source: usize| present & 1 << source != 0;
        for traceparent in [None, Some(good.as_str()), Some(BAD)] {
            let mut request = headers(&[("accept", "*/*")]);
            let mut add = |is_there: bool, name: &str, value: String| {
                if is_there {
                    request.insert(0, (name.into(), value));
                }
            };
            add(traceparent.is_some(), "traceparent", traceparent.unwrap_or_default().into());
            add(has(0), "b3", format!("{}-{}-1", TraceId([0xb3; 16]), SpanId([0xb3; 8])));
            add(has(1), "User-to-User", uui::payload(&parent(2)));
            add(has(3), "X-Inin-Cnv", UUID.into());
            add(has(5), "otel-trace-id", OTEL.into());
            add(has(6), "previous-trace-id", PREVIOUS.into());
            let best = (present != 0).then(|| present.trailing_zeros() as usize);
            for trust in [Trust::Trusted, Trust::Untrusted] {
                let participant = has(2).then_some(participant.as_str());
                let decision = decide(&request, participant, call.filter(|_| has(4)), trust);
                let expected = expected(traceparent, best, trust);
                assert_eq!(decision, expected, "{request:?} {trust:?}");
                let source = match traceparent {
                    Some(text) if text != BAD => Some(Source::Traceparent),
                    _ => best.map(|best| sources()[best].0),
                };
                assert_eq!(decision.source(), source);
            }
        }
    }
}

#[test]
fn a_tracestate_travels_with_its_traceparent_only() {
    let request = headers(&[("traceparent", &parent(1).to_string()), ("tracestate", "a=1")]);
    let Decision::Continue { context, .. } = decide(&request, None, None, Trust::Trusted) else { panic!() };
    assert_eq!(context.tracestate.as_str(), "a=1");
    let request = headers(&[("tracestate", "a=1"), ("otel-trace-id", OTEL)]);
    assert!(matches!(decide(&request, None, None, Trust::Trusted), Decision::Join { .. }));
    assert_eq!(decide(&headers(&[("tracestate", "a=1")]), None, None, Trust::Trusted), Decision::New);
}

#[test]
fn a_previous_trace_may_come_with_its_span() {
    let previous = parent(7).to_string();
    let request = headers(&[("previous-trace-id", &previous)]);
    let link =
        Link { trace_id: TraceId([7; 16]), span_id: Some(SpanId([7; 8])), source: Source::PreviousTraceId };
    let expected = Decision::Restart { link: Some(link), reason: Reason::PreviousTrace, raw: previous };
    assert_eq!(decide(&request, None, None, Trust::Trusted), expected);
    // It never beats what can continue the trace, though it knows a span.
    let request = headers(&[("previous-trace-id", &parent(7).to_string()), ("otel-trace-id", OTEL)]);
    assert!(matches!(
        decide(&request, None, None, Trust::Trusted),
        Decision::Join { source: Source::OtelTraceId, .. }
    ));
}

#[test]
fn a_decision_in_words() {
    let said = |pairs: &[(&str, &str)], trust| match decide(&headers(pairs), None, None, trust) {
        Decision::Restart { reason, .. } => format!("restart: {reason}"),
        other => other.name().to_owned(),
    };
    let good = parent(1).to_string();
    for (pairs, trust, words) in [
        (&[][..], Trust::Untrusted, "new"),
        (&[("traceparent", good.as_str())], Trust::Trusted, "continue"),
        (&[("otel-trace-id", OTEL)], Trust::Trusted, "join"),
        (&[("traceparent", &good)], Trust::default(), "restart: the peer is not trusted"),
        (&[("previous-trace-id", PREVIOUS)], Trust::Trusted, "restart: only the previous trace is known"),
        (
            &[("traceparent", &good), ("traceparent", &good)],
            Trust::Trusted,
            "restart: the traceparent cannot be used: more than one traceparent; let one hop write it and the \
             others replace it",
        ),
    ] {
        assert_eq!(said(pairs, trust), words);
    }
}

#[test]
fn ids_that_cannot_be_read_are_no_source() {
    for (name, value) in [
        ("otel-trace-id", "00000000000000000000000000000000"),
        ("otel-trace-id", "x"),
        ("previous-trace-id", "00-x"),
        ("x-inin-cnv", "00000000-0000-0000-0000-000000000000"),
        ("b3", "0"),
        ("b3", "x"),
        ("User-to-User", "00ff"),
    ] {
        assert_eq!(
            decide(&headers(&[(name, value)]), None, None, Trust::Trusted),
            Decision::New,
            "{name}: {value}"
        );
    }
    let twice = headers(&[("otel-trace-id", OTEL), ("otel-trace-id", OTEL)]);
    assert_eq!(decide(&twice, None, None, Trust::Trusted), Decision::New);
    assert_eq!(Candidate::participant_data("00-x"), None);
}

#[test]
fn a_trace_id_that_a_load_balancer_made_up_is_worth_less_than_the_conversation() {
    let root = ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678");
    let read = |pairs: &[(&str, &str)]| {
        let request = headers(pairs);
        match Found::read(&request, &[Format::XRay, Format::B3]).decide(Trust::Trusted) {
            Decision::Join { source, parent_id, .. } => (source, parent_id.is_some()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&[root]), (Source::Format(Format::XRay), false));
    assert_eq!(read(&[root, ("x-inin-cnv", UUID)]), (Source::Conversation, true));
    assert_eq!(read(&[root, ("otel-trace-id", OTEL)]), (Source::Format(Format::XRay), false));

    let b3 = format!("{}-{}", TraceId([1; 16]), SpanId([1; 8]));
    let request = headers(&[root, ("b3", &b3)]);
    let decision = Found::read(&request, &[Format::XRay, Format::B3]).decide(Trust::Trusted);
    assert!(matches!(decision, Decision::Continue { source: Source::Format(Format::B3), .. }));
}

#[test]
fn the_formats_are_tried_in_the_order_given() {
    let b3 = format!("{}-{}-1", TraceId([1; 16]), SpanId([1; 8]));
    let jaeger = format!("{}:{}:0:1", TraceId([2; 16]), SpanId([2; 8]));
    let request = headers(&[("b3", &b3), ("uber-trace-id", &jaeger)]);
    for (formats, expected) in [
        (&[Format::B3, Format::Jaeger][..], Some(Format::B3)),
        (&[Format::Jaeger, Format::B3], Some(Format::Jaeger)),
        (&[Format::XRay, Format::Datadog], None),
        (&[], None),
    ] {
        let decision = Found::read(&request, formats).decide(Trust::Trusted);
        match expected {
            Some(format) => {
                assert!(
                    matches!(decision, Decision::Continue { source: Source::Format(f), .. } if f == format)
                );
            }
            None => assert_eq!(decision, Decision::New),
        }
    }
}

#[test]
fn the_headers_of_the_guide() {
    let request =
        headers(&[("traceparent", crate::PARENT), ("tracestate", "ot=ro"), ("otel-trace-id", crate::TRACE)]);
    let Decision::Continue { context, source, rejected } = decide(&request, None, None, Trust::Trusted)
    else {
        panic!()
    };
    assert_eq!((source, rejected), (Source::Traceparent, None));
    assert_eq!((context.traceparent, context.tracestate.as_str()), (crate::parent(), "ot=ro"));
    // A load balancer that lets only the last one through.
    let decision = decide(&headers(&[("otel-trace-id", crate::TRACE)]), None, None, Trust::Trusted);
    let trace_id = crate::trace();
    assert_eq!(
        decision,
        Decision::Join { trace_id, parent_id: None, source: Source::OtelTraceId, rejected: None }
    );
}
