//! The answers are those of every other store.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store_api::span::{Event, Link, Scope, Status, StatusCode, key};
use store_api::testing::sample::{NINE, SECOND, arbitrary_span};
use store_api::testing::{Model, Sample, agree, contract};
use store_api::{Attributes, Limits, Questions, Range, Recent, Span, Value};
use throughline_context::{SpanId, TraceId};

use crate::shim::Shim;

#[tokio::test]
async fn keeps_the_contract() {
    let shim = Shim::start();
    contract(async || shim.store()).await;
}

/// Scenario: spans that meet in all ways, in several batches, and some of the batches again.
/// Guarantees: every answer is that of a flat list of spans.
#[tokio::test]
async fn answers_like_the_model() {
    let shim = Shim::start();
    let mut runner = TestRunner::deterministic();
    let batches = prop::collection::vec(prop::collection::vec(arbitrary_span(), 1..12), 2..5);
    for _ in 0..cases() {
        let (store, mut model) = (shim.store(), Model::default());
        for batch in batches.new_tree(&mut runner).unwrap().current() {
            model.appended.extend(batch.iter().cloned());
            store.append(batch.clone()).await.unwrap();
            if batch.len() % 2 == 0 {
                store.append(batch).await.unwrap();
            }
        }
        agree(&*store, &model).await;
    }
}

fn cases() -> usize {
    std::env::var("CLICKHOUSE_CASES").map_or(2, |cases| cases.parse().unwrap())
}

const HOSTILE: [&str; 9] = [
    "'; DROP TABLE spans; --",
    "\\' OR 1=1 --",
    "{x:String} %s ${y} {{z}}",
    "a\0b\r\n\t\u{1b}",
    "\u{202e}ü𝄞\u{feff}",
    "') FORMAT Null",
    "\\x41\\N",
    "NULL",
    "/* */ # `\"",
];

fn hostile(text: &str, n: u8) -> Span {
    let attributes = || -> Attributes { [(text, Value::from(text))].into_iter().collect() };
    let nested =
        Value::Array(vec![Value::Map(attributes()), Value::Bytes(text.as_bytes().to_vec()), Value::Empty]);
    let mut sample = Sample::new(n, 1).service(text).interaction(text).resource(text, text).with(text, text);
    for key in [
        key::QUEUE,
        key::AGENT,
        key::AGENT_NAME,
        key::CHANNEL,
        key::DIRECTION,
        key::OUTCOME,
        key::REGION,
        key::STAGE,
    ] {
        sample = sample.with(key, text);
    }
    let sample = sample
        .with(&format!("{text}.double"), Value::Double(-0.0))
        .with(&format!("{text}.least"), i64::MIN)
        .with(&format!("{text}.nested"), nested.clone())
        .resource(&format!("{text}.nested"), nested);
    sample
        .change(|span| {
            span.name = text.to_owned();
            span.trace_state = text.to_owned();
            span.flags = u32::MAX;
            span.status = Status { code: StatusCode::Error, message: text.to_owned() };
            span.scope =
                Arc::new(Scope { name: text.to_owned(), version: text.to_owned(), attributes: attributes() });
            span.events = vec![Event {
                time_ns: i64::MAX.unsigned_abs(),
                name: text.to_owned(),
                attributes: attributes(),
            }];
            let (trace_id, span_id) = (TraceId::default(), SpanId([255; 8]));
            span.links =
                vec![Link { trace_id, span_id, trace_state: text.to_owned(), attributes: attributes() }];
        })
        .span()
}

/// Scenario: texts that end literals, statements and lines, in every field that holds text, and odd times.
/// Guarantees: all come back as they were, are found by their id, and nothing else is.
#[tokio::test]
async fn hostile_texts_are_texts() {
    let shim = Shim::start();
    let store = shim.store();
    let spans: Vec<Span> = HOSTILE.iter().zip(1..).map(|(text, n)| hostile(text, n)).collect();
    store.append(spans.clone()).await.unwrap();
    for (text, span) in HOSTILE.iter().zip(&spans) {
        let found = store.interaction(text, Limits::default()).await.unwrap().unwrap();
        assert_eq!(found.spans.iter().map(|found| &**found).collect::<Vec<_>>(), [span], "{text}");
    }
    let page = store.recent(Recent::default()).await.unwrap();
    assert_eq!(page.interactions.len(), HOSTILE.len());
    let times = [(0, 0), (i64::MAX.unsigned_abs(), 0), (1, i64::MAX.unsigned_abs())];
    let odd = times.into_iter().zip(100..).map(|((start, duration), n)| {
        Sample::new(n, 1)
            .interaction(&format!("odd-{n}"))
            .change(|span| (span.start_ns, span.duration_ns) = (start, duration))
    });
    // Spans of two hundred days in one batch.
    let days = (0..200).map(|day| Sample::new(99, day).interaction("days").at(u64::from(day) * 86_400, 1));
    let odd: Vec<Span> = odd.chain(days).map(Sample::span).collect();
    store.append(odd).await.unwrap();
    let count = async |range| {
        let page = store.recent(Recent { range, ..Recent::default() }).await.unwrap();
        page.interactions.iter().filter(|one| one.id.starts_with("odd")).count()
    };
    assert_eq!(count(Range::ALL).await, 3);
    assert_eq!(count(Range { from: 0, to: 2 }).await, 2);
    assert_eq!(count(Range { from: i64::MAX.unsigned_abs(), to: u64::MAX }).await, 1);
    assert_eq!(store.interaction("days", Limits::default()).await.unwrap().unwrap().spans.len(), 200);
}

/// Scenario: more calls in a range than are asked for by their ids, each with a trace outside of it, some told twice.
/// Guarantees: each is found whole, and a range around has them all.
#[tokio::test]
async fn many_calls_are_asked_for_together() {
    let shim = Shim::start();
    let store = shim.store();
    let of = |trace: u16| {
        move |span: &mut Span| {
            span.trace_id.0.first_chunk_mut().map_or((), |first| *first = trace.to_be_bytes())
        }
    };
    let call = |n: u16| {
        let id = format!("call-{n}");
        let here = Sample::new(7, 1).at(u64::from(n), 5).interaction(&id).change(of(n));
        let before = Sample::new(8, 1)
            .at(0, 5)
            .interaction(&id)
            .change(of(n))
            .change(|span| span.start_ns -= 7200 * SECOND);
        let after = Sample::new(7, 2).at(7200, 5).change(of(n));
        [here.span(), before.span(), after.span()]
    };
    let all: Vec<Span> = (0..1200).flat_map(call).collect();
    for batch in all.chunks(900) {
        store.append(batch.to_vec()).await.unwrap();
    }
    let again = (0..1200).step_by(3).map(|n| {
        Sample::new(7, 1)
            .at(u64::from(n), 9)
            .interaction(&format!("call-{n}"))
            .revision(1)
            .change(of(n))
            .span()
    });
    store.append(again.collect()).await.unwrap();
    let range = Range { from: NINE - 7200 * SECOND, to: NINE };
    let page = store.recent(Recent { range, limit: 5000, ..Recent::default() }).await.unwrap();
    assert_eq!(page.interactions.len(), 1200);
    assert!(page.interactions.iter().all(|call| (call.span_count, call.trace_ids.len()) == (3, 2)));
    let range = Range { from: NINE, to: u64::MAX };
    let inside = store.recent(Recent { range, limit: 5000, ..Recent::default() }).await.unwrap();
    assert_eq!(inside.interactions.len(), 0, "they began before");
}
