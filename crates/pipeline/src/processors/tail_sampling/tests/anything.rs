//! Whatever happens in whatever order: every span leaves once, or is counted as left out.

use std::collections::HashSet;

use flow::Audience;
use proptest::prelude::*;

use super::spans::{Bench, MS, With, policies, request, span};

#[derive(Clone, Debug)]
enum Step {
    /// Spans of these traces; some slow, some with an interaction, a root, an error.
    Send(Vec<(u8, u8)>, bool),
    Wait(u64),
    Reload(usize),
    Room(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::collection::vec((0_u8..12, any::<u8>()), 1..9), prop::bool::weighted(0.1))
            .prop_map(|(spans, unfinished)| Step::Send(spans, unfinished)),
        3 => (0_u64..3_000).prop_map(Step::Wait),
        1 => (0_usize..CONFIGURATIONS.len()).prop_map(Step::Reload),
        1 => (1_000_usize..40_000).prop_map(Step::Room),
    ]
}

const CONFIGURATIONS: [&str; 5] = [
    "{decision_wait: 1s, num_traces: 5, policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}]}",
    "{decision_wait: 2s, decision_wait_after_root_received: 100ms, record_policy: true, record_threshold: true, policies: [{name: h, type: probabilistic, probabilistic: {sampling_percentage: 40}}, {name: e, type: status_code, status_code: {status_codes: [ERROR]}}]}",
    "{decision_wait: 1s, decide_by: interaction, interaction_wait: 3s, policies: [{name: e, type: status_code, status_code: {status_codes: [ERROR]}}, {name: d, type: drop, drop: {drop_sub_policy: [{name: k, type: string_attribute, string_attribute: {key: k, values: ['1', '3']}}]}}]}",
    "{decision_wait: 1s, sampling_strategy: span-ingest, maximum_trace_size_bytes: 900, policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}, {name: d, type: drop, drop: {drop_sub_policy: [{name: k, type: string_attribute, string_attribute: {key: k, values: ['1']}}]}}]}",
    "{decision_wait: 1s, decision_cache: {sampled_cache_size: 4, non_sampled_cache_size: 0}, policies: [{name: r, type: rate_limiting, rate_limiting: {spans_per_second: 3}}]}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Scenario: spans in any order and mixture, time that passes, budgets and policies that change, a stop at the end.
    /// Guarantees: out and left out are exactly what came in; nobody is there twice; nothing is held when all has left.
    #[test]
    fn every_span_leaves_once_or_is_counted(first in 0..CONFIGURATIONS.len(), steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new(CONFIGURATIONS[first]);
        let (mut sent, mut number) = (0, 0);
        for step in steps {
            match step {
                Step::Send(spans, unfinished) => {
                    let spans: Vec<_> = spans.into_iter().map(|(trace, kind)| {
                        number += 1;
                        any_span(trace, kind, number)
                    }).collect();
                    sent += spans.len();
                    let audience = if unfinished { Audience::Stores } else { Audience::All };
                    bench.send_bytes(&request(spans), audience);
                }
                Step::Wait(ms) => bench.wait(ms * MS),
                Step::Reload(which) => {
                    let (rules, by) = policies(CONFIGURATIONS[which]);
                    bench.shard.reload(rules, by.clone(), bench.now);
                    // Sometimes a request was read before and is taken in after.
                    if which % 2 == 0 {
                        bench.by = by;
                    }
                }
                Step::Room(bytes) => {
                    let by = bench.by.clone();
                    bench.rules.most_bytes = bytes;
                    bench.shard.reload(bench.rules.clone(), by, bench.now);
                }
            }
        }
        bench.finish();
        let out: Vec<u64> = bench.spans().iter().map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap())).collect();
        let once: HashSet<_> = out.iter().collect();
        prop_assert_eq!(once.len(), out.len());
        prop_assert_eq!(out.len() + bench.gone(), sent);
        prop_assert_eq!(bench.shard.traces(), 0);
        prop_assert_eq!(bench.memory.held(), bench.shard.held() as u64);
        prop_assert!(bench.shard.held() < 400_000);
    }
}

fn any_span(trace: u8, kind: u8, number: u64) -> opentelemetry_proto::tonic::trace::v1::Span {
    let mut span = span(trace, number).lasting(1_000, 1_000 + 30 * u64::from(kind));
    if kind & 1 == 1 {
        span = span.text("interaction.id", &format!("call {}", trace % 3));
    }
    if kind & 2 == 2 {
        span = span.root();
    }
    if kind & 28 == 28 {
        span = span.status(2);
    }
    if kind & 32 == 32 {
        span = span.text("k", &(trace % 4).to_string());
    }
    span
}
