use std::sync::Arc;

use throughline_context::{SpanId, TraceId};

use super::traces::Traces;
use super::*;
use crate::span::{Kind, Link};
use crate::testing::sample::{NINE, SECOND, Sample};
use crate::value::Value;

fn calls(trace: u8, span: u8) -> Sample {
    Sample::new(trace, span)
        .service("ivr")
        .at(0, 10)
        .with("server.address", "crm.example")
        .with("server.port", 8080i64)
        .with("url.full", "http://crm.example:8080/customers?number=%2B49")
        .with("http.request.method", "GET")
        .change(|span| span.kind = Kind::Client)
}

fn answers(trace: u8, span: u8) -> Sample {
    Sample::new(trace, span)
        .service("crm")
        .at(1, 8)
        .with("server.address", "CRM.example")
        .with("url.path", "/customers")
        .with("http.request.method", "GET")
}

fn below(sample: Sample, parent: u8) -> Sample {
    sample.change(|span| span.parent_span_id = Some(SpanId([parent; 8])))
}

fn look(samples: impl IntoIterator<Item = Sample>, question: &Question) -> Hops {
    let mut spans: Vec<Arc<crate::Span>> =
        samples.into_iter().map(|sample| Arc::new(sample.span())).collect();
    spans.sort_by_key(|span| span.trace_id);
    let covered = Covered::nothing_yet(question.range);
    let mut traces = Traces::new(question.range, question.service.clone());
    for trace in spans.chunk_by(|a, b| a.trace_id == b.trace_id) {
        traces.add(&trace.iter().collect::<Vec<_>>());
    }
    traces.finish(covered)
}

/// `caller -> callee`, what arrived how, and how that is known.
fn edges(samples: impl IntoIterator<Item = Sample>) -> Vec<String> {
    let hops = look(samples, &Question::default());
    hops.edges.iter().map(line).collect()
}

fn line(edge: &Edge) -> String {
    use Arrival::{Absent, Joined, Kept, Orphaned, Reparented, Restarted};
    let of = |arrival| {
        let Arrivals { kept, joined, orphaned, reparented, restarted, absent } = edge.arrivals;
        match arrival {
            Kept => kept,
            Joined => joined,
            Orphaned => orphaned,
            Reparented => reparented,
            Restarted => restarted,
            Absent => absent,
        }
    };
    let arrivals =
        [Kept, Joined, Orphaned, Reparented, Restarted, Absent].map(|arrival| (arrival.name(), of(arrival)));
    let arrivals: Vec<String> =
        arrivals.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
    let known = edge.example.as_ref().map(|example| format!(" ({})", example.known.name()));
    let caller = edge.caller.as_deref().unwrap_or("?");
    format!("{caller} -> {}: {}{}", edge.callee, arrivals.join(", "), known.unwrap_or_default())
}

#[test]
fn each_request_is_told_by_what_became_of_its_context() {
    let restart = |sample: Sample| sample.with(key::DECISION, "restart");
    let header = |trace: u8, span: u8| format!("00-{}-{}-01", TraceId([trace; 16]), SpanId([span; 8]));
    let link = |sample: Sample, trace: u8, span: u8| {
        sample.change(|own| {
            own.links = vec![Link {
                trace_id: TraceId([trace; 16]),
                span_id: SpanId([span; 8]),
                trace_state: String::new(),
                attributes: crate::Attributes::default(),
            }];
        })
    };
    let ambiguous = |sample: Sample| {
        sample.change(|own| {
            own.links[0].attributes = [(key::AMBIGUOUS.to_owned(), Value::Bool(true))].into_iter().collect();
        })
    };
    let cases: Vec<(&str, Vec<Sample>, &[&str])> = vec![
        ("a child", vec![calls(1, 1), below(answers(1, 2), 1)], &["ivr -> crm: 1 kept"]),
        ("ends that share an id", vec![calls(1, 1), answers(1, 1)], &["ivr -> crm: 1 kept"]),
        (
            "a caller without a span of its own for the call",
            vec![calls(1, 1).change(|span| span.kind = Kind::Internal), below(answers(1, 2), 1)],
            &["ivr -> crm: 1 kept"],
        ),
        ("two layers of one server", vec![answers(1, 1), below(answers(1, 2), 1)], &[]),
        ("an entry", vec![answers(1, 1)], &[]),
        (
            "found by the conversation's id",
            vec![calls(1, 1), below(answers(1, 2), 1).with(key::DECISION, "join")],
            &["ivr -> crm: 1 joined"],
        ),
        (
            "found by the conversation's id, below a span that is not kept",
            vec![below(answers(1, 2), 9).with(key::DECISION, "join")],
            &["? -> crm: 1 joined"],
        ),
        ("the caller's span is not kept", vec![below(answers(1, 2), 9)], &["? -> crm: 1 orphaned"]),
        (
            "a hop in between wrote a span id of its own",
            vec![calls(1, 1), below(answers(1, 2), 9)],
            &["ivr -> crm: 1 reparented (guess)"],
        ),
        (
            "the call was over when the request came",
            vec![calls(1, 1).at(0, 1), below(answers(1, 2).at(5, 1), 9)],
            &["? -> crm: 1 orphaned"],
        ),
        (
            "restarted with a link",
            vec![calls(1, 1), restart(link(answers(2, 2), 1, 1))],
            &["ivr -> crm: 1 restarted (link)"],
        ),
        (
            "restarted with a link, the call was over",
            vec![calls(1, 1).at(0, 1), restart(link(answers(2, 2), 1, 1)).at(5, 1)],
            &["ivr -> crm: 1 restarted (link)"],
        ),
        (
            "restarted with a link that may be wrong, the call was over",
            vec![calls(1, 1).at(0, 1), restart(ambiguous(link(answers(2, 2), 1, 1))).at(5, 1)],
            &["? -> crm: 1 restarted (unknown)"],
        ),
        (
            "restarted, the header names the caller, in capitals",
            vec![
                calls(0xab, 0xcd),
                restart(answers(2, 2)).with(key::RAW, header(0xab, 0xcd).to_uppercase().as_str()),
            ],
            &["ivr -> crm: 1 restarted (header)"],
        ),
        (
            "restarted without a word, but headers are recorded",
            vec![
                calls(1, 1),
                answers(2, 2).with(key::HEADER, Value::Array(vec![header(1, 1).as_str().into()])),
            ],
            &["ivr -> crm: 1 restarted (header)"],
        ),
        (
            "restarted, the header says nothing, the address does",
            vec![calls(1, 1), restart(answers(2, 2)).with(key::RAW, "00-garbage")],
            &["ivr -> crm: 1 restarted (guess)"],
        ),
        (
            "restarted, from somewhere",
            vec![restart(answers(2, 2)).with(key::RAW, header(7, 7).as_str())],
            &["? -> crm: 1 restarted (unknown)"],
        ),
        ("nothing came", vec![calls(1, 1), answers(2, 2)], &["ivr -> crm: 1 absent (guess)"]),
        (
            "another call names another port",
            vec![calls(1, 1), answers(2, 2).with("server.port", 9090i64)],
            &[],
        ),
        ("another path", vec![calls(1, 1).with("url.path", "/orders"), answers(2, 2)], &[]),
        (
            "another interaction",
            vec![calls(1, 1).interaction("call-1"), answers(2, 2).interaction("call-2")],
            &[],
        ),
        ("another time", vec![calls(1, 1), answers(2, 2).at(30, 1)], &[]),
        ("it took longer than the call", vec![calls(1, 1).at(0, 2), answers(2, 2).at(0, 3)], &[]),
        (
            "one call has one callee",
            vec![calls(1, 1), answers(2, 2), answers(3, 3)],
            &["ivr -> crm: 1 absent (guess)"],
        ),
        (
            "a guess does not take the caller of one that names it",
            vec![calls(1, 1), answers(2, 2), restart(link(answers(3, 3), 1, 1)).at(2, 1)],
            &["ivr -> crm: 1 restarted (link)"],
        ),
    ];
    for (about, samples, expected) in cases {
        assert_eq!(edges(samples), expected, "{about}");
    }
}

#[test]
fn of_two_calls_the_tighter_one_is_the_caller() {
    let far = calls(1, 1).service("portal").at(0, 60);
    let near = calls(2, 2).at(0, 10);
    let callee = || answers(3, 3);
    assert_eq!(edges([far.clone(), near.clone(), callee()]), ["ivr -> crm: 1 absent (guess)"]);
    assert_eq!(edges([near, far, callee()]), ["ivr -> crm: 1 absent (guess)"]);
}

#[test]
fn an_edge_tells_since_when_and_with_which_version() {
    let request = |n: u8, lost: bool| {
        let at = u64::from(n) * 60;
        let callee = if lost {
            answers(100 + n, 2)
                .with(key::DECISION, "restart")
                .with(key::REASON, "the peer is not trusted")
                .with(key::RAW, format!("00-{}-{}-01", TraceId([n; 16]), SpanId([1; 8])).as_str())
        } else {
            below(answers(n, 2), 1)
        };
        [
            calls(n, 1).at(at, 10),
            callee.at(at + 1, 8).resource("service.version", if lost { "7.3" } else { "7.2" }),
        ]
    };
    let hops = look((1..=20).flat_map(|n| request(n, n > 12)), &Question::default());
    let [edge] = hops.edges.as_slice() else { panic!("one edge: {:?}", hops.edges) };
    let thirteenth = NINE + (13 * 60 + 1) * SECOND;
    assert_eq!(edge.since, Some(Since::At { ns: thirteenth, share_before: 0.0, share_after: 1.0 }));
    let version = |version: &str, requests, lost, first_ns| Version {
        version: version.to_owned(),
        requests,
        lost,
        first_ns,
    };
    assert_eq!(edge.versions, [version("7.2", 12, 0, NINE + 61 * SECOND), version("7.3", 8, 8, thirteenth)]);
    assert_eq!(edge.reasons, [Count { value: "the peer is not trusted".to_owned(), count: 8 }]);
    let example = edge.example.as_ref().expect("contexts are lost");
    assert_eq!(example.arrived_ns, NINE + (20 * 60 + 1) * SECOND);
    assert_eq!(example.caller, Some(SpanOf { trace_id: TraceId([20; 16]), span_id: SpanId([1; 8]) }));
    assert!(edge.mend.as_ref().is_some_and(|mend| mend.contains("the trusted peers of `crm`")));
}

#[test]
fn only_what_was_asked_for_is_counted() {
    let samples = || {
        [
            calls(1, 1),
            below(answers(1, 2), 1),
            calls(2, 1).at(100, 10),
            below(answers(2, 2).at(101, 1), 1),
            calls(3, 1).service("portal"),
            below(answers(3, 2).service("orders"), 1),
        ]
    };
    let asked = |range, service: Option<&str>| {
        let question = Question { range, service: service.map(str::to_owned), ..Question::default() };
        look(samples(), &question).edges.iter().map(line).collect::<Vec<_>>()
    };
    let late = Range { from: NINE + 50 * SECOND, to: u64::MAX };
    assert_eq!(asked(Range::ALL, None), ["ivr -> crm: 2 kept", "portal -> orders: 1 kept"]);
    assert_eq!(asked(late, None), ["ivr -> crm: 1 kept"]);
    for service in ["portal", "orders"] {
        assert_eq!(asked(Range::ALL, Some(service)), ["portal -> orders: 1 kept"]);
    }
}

#[test]
fn what_is_lost_most_comes_first_and_is_mended_by_what_befell_it() {
    let mend = |samples: Vec<Sample>| {
        look(samples, &Question::default()).edges.into_iter().next().and_then(|edge| edge.mend)
    };
    let says = |samples, words: &str| mend(samples).is_some_and(|mend| mend.contains(words));
    assert!(says(vec![calls(1, 1), answers(2, 2)], "No context arrives at `crm`"));
    assert!(says(vec![calls(1, 1), below(answers(1, 2), 9)], "writes a span of its own"));
    assert!(says(vec![answers(1, 1).with(key::RAW, "garbage")], "its callers"));
    assert_eq!(mend(vec![calls(1, 1), below(answers(1, 2), 1)]), None);
    let both = [calls(1, 1), below(answers(1, 2), 1), calls(2, 1).service("portal"), answers(3, 2)];
    assert_eq!(edges(both), ["portal -> crm: 1 absent (guess)", "ivr -> crm: 1 kept"]);
}
