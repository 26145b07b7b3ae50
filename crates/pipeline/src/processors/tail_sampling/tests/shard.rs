//! A shard: who waits how long, what comes late, what there is no room for.

use flow::Audience;
use flow::wire::fields_of;

use super::spans::{Bench, MS, SECOND, With, request, span};

const SLOW: &str = "decision_wait: 5s
policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}]";

#[test]
fn a_trace_is_decided_when_its_time_has_come() {
    let mut bench = Bench::new(SLOW);
    bench.send(vec![span(1, 1), span(2, 2), span(1, 3).lasting(1_000, 3_000)]);
    bench.wait(4 * SECOND);
    bench.send(vec![span(2, 4), span(1, 5)]);
    bench.wait(SECOND - 1);
    assert_eq!((bench.names().len(), bench.gone()), (0, 0));
    bench.wait(1);
    assert_eq!(bench.names(), ["span 1", "span 3", "span 5"]);
    assert_eq!(bench.left_out, [("sampled_out", 2)]);
    let tally = bench.shard.tally().take();
    assert_eq!((tally.new_traces, tally.sampled, tally.not_sampled, tally.spans_sampled), (2, 1, 1, 3));
    assert_eq!((bench.shard.traces(), bench.shard.next_due()), (0, None));
}

/// D8: the collector loses both schema URLs.
#[test]
fn what_is_kept_leaves_as_it_came() {
    let mut bench = Bench::new(SLOW);
    let bytes = request(vec![span(1, 1).lasting(1_000, 3_000).text("k", "v"), span(1, 2).event("e")]);
    bench.send_bytes(&bytes, Audience::All);
    bench.wait(5 * SECOND);
    let before = prost::Message::decode(&bytes[..]).unwrap();
    assert_eq!(bench.decoded(), [before]);
}

#[test]
fn what_shares_a_resource_leaves_under_one() {
    let mut bench = Bench::new(SLOW);
    for number in 0..6 {
        bench.send(vec![span(1, number).lasting(1_000, 3_000)]);
    }
    bench.wait(5 * SECOND);
    let [request] = bench.decoded().try_into().unwrap();
    assert_eq!(request.resource_spans.len(), 1);
    assert_eq!(request.resource_spans[0].scope_spans.len(), 1);
    assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), 6);
}

#[test]
fn late_spans_follow_the_decision() {
    let mut bench = Bench::new(SLOW);
    bench.send(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]);
    bench.wait(5 * SECOND);
    assert_eq!((bench.names().len(), bench.gone()), (1, 1));
    bench.wait(100 * SECOND);
    bench.send(vec![span(1, 3), span(2, 4).lasting(1_000, 9_000)]);
    assert_eq!((bench.names(), bench.gone()), (vec!["span 3".to_owned()], 1));
    let tally = bench.shard.tally().take();
    assert_eq!((tally.late_sampled, tally.late_left_out), (1, 1));
    assert_eq!(tally.late_ages, [100 * SECOND; 2]);
    assert_eq!(bench.shard.traces(), 0);
}

#[test]
fn without_caches_late_spans_are_decided_on_their_own() {
    let caches = "decision_cache: {sampled_cache_size: 0, non_sampled_cache_size: 0}";
    let mut bench = Bench::new(&format!("{caches}\n{SLOW}"));
    bench.send(vec![span(1, 1).lasting(1_000, 3_000)]);
    bench.wait(5 * SECOND);
    bench.send(vec![span(1, 2)]);
    bench.wait(5 * SECOND);
    assert_eq!((bench.names(), bench.gone()), (vec!["span 1".to_owned()], 1));
}

#[test]
fn after_the_root_the_wait_is_shorter() {
    let mut bench = Bench::new(&format!("decision_wait_after_root_received: 1s\n{SLOW}"));
    bench.send(vec![span(1, 1), span(2, 2)]);
    bench.wait(SECOND);
    bench.send(vec![span(1, 3).root()]);
    bench.wait(SECOND - 1);
    assert_eq!(bench.gone(), 0);
    bench.wait(1);
    assert_eq!(bench.gone(), 2);
    bench.wait(3 * SECOND);
    assert_eq!(bench.gone(), 1);
    bench.send(vec![span(3, 4)]);
    bench.wait(4_500 * MS);
    bench.send(vec![span(3, 5).root()]);
    bench.wait(500 * MS);
    assert_eq!(bench.gone(), 2, "never longer than without a root");
}

/// D3: the collector loses the oldest traces, whose clients were told 200.
#[test]
fn too_many_traces_are_decided_early_not_lost() {
    let mut bench = Bench::new(&format!("num_traces: 3\n{SLOW}"));
    for trace in 1..=5 {
        bench.send(vec![span(trace, 1).lasting(1_000, 1_000 + 1_000 * u64::from(trace % 2))]);
    }
    assert_eq!((bench.shard.traces(), bench.spans().len(), bench.gone()), (3, 1, 1));
    assert_eq!(bench.shard.tally().take().early_by_traces, 2);
    bench.wait(5 * SECOND);
    assert_eq!((bench.spans().len(), bench.gone()), (2, 1));
    bench.send(vec![span(1, 2), span(2, 3)]);
    assert_eq!((bench.spans().len(), bench.gone()), (1, 1), "and late spans follow");
}

#[test]
fn too_many_bytes_are_decided_early_not_lost() {
    let mut bench = Bench::new(SLOW).ruled(|rules| rules.most_bytes = 20_000);
    for number in 0..200 {
        bench.send(vec![span(number as u8, number).lasting(1_000, 3_000).text("pad", &"x".repeat(500))]);
    }
    let early = bench.shard.tally().take().early_by_bytes;
    assert!(early > 150, "{early}");
    assert_eq!((bench.spans().len() + bench.shard.traces(), bench.gone()), (200, 0));
}

#[test]
fn a_trace_that_grows_too_large_is_left_out() {
    let mut bench = Bench::new(&format!("maximum_trace_size_bytes: 500\n{SLOW}"));
    for number in 0..20 {
        bench.send(vec![span(1, number).lasting(1_000, 3_000)]);
    }
    bench.wait(5 * SECOND);
    assert_eq!(bench.spans().len(), 0);
    assert_eq!((bench.gone(), bench.shard.tally().take().too_large), (20, 1));
}

#[test]
fn shutdown_decides_what_is_pending_or_leaves_it_out() {
    for (drop, kept, reason) in [("false", 1, "sampled_out"), ("true", 0, "pending_at_shutdown")] {
        let mut bench = Bench::new(&format!("drop_pending_traces_on_shutdown: {drop}\n{SLOW}"));
        bench.send(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]);
        bench.finish();
        assert_eq!((bench.spans().len(), bench.shard.traces()), (kept, 0));
        assert_eq!(bench.left_out, [(reason, 2 - kept)]);
    }
}

#[test]
fn unfinished_spans_decide_nothing_and_go_where_the_trace_goes() {
    let mut bench = Bench::new(SLOW);
    bench.send_bytes(&request(vec![span(1, 1).lasting(1_000, 9_000)]), Audience::Stores);
    bench.wait(60 * SECOND);
    assert_eq!((bench.names().len(), bench.gone(), bench.shard.traces()), (0, 0, 1));
    bench.send(vec![span(1, 2).lasting(1_000, 3_000)]);
    bench.wait(5 * SECOND);
    assert_eq!(bench.out.len(), 2, "not in one batch");
    assert_eq!(bench.spans().len(), 2);
}

/// Scenario: other policies, while traces are pending and others are decided.
/// Guarantees: pending traces are decided by the new ones from all of their spans; decisions stay.
#[test]
fn a_reload_decides_by_the_new_policies() {
    let mut bench = Bench::new(SLOW);
    bench.send(vec![span(1, 1).lasting(1_000, 3_000)]);
    bench.wait(5 * SECOND);
    assert_eq!(bench.names().len(), 1);
    bench.send(vec![span(2, 2).lasting(1_000, 3_000), span(3, 3).text("k", "v").status(2)]);
    let other = "decision_wait: 1s
policies: [{name: v, type: string_attribute, string_attribute: {key: k, values: [v]}}]";
    let (rules, by) = super::spans::policies(other);
    bench.shard.reload(rules, by, bench.now);
    // Read under the policies before, as a request on its way is.
    bench.send(vec![span(3, 4), span(4, 5).text("k", "v")]);
    bench.wait(SECOND);
    assert_eq!(
        (bench.names(), bench.gone()),
        (vec!["span 3".to_owned(), "span 4".into(), "span 5".into()], 1)
    );
    bench.send(vec![span(1, 6)]);
    assert_eq!(bench.names(), ["span 6"]);
}

/// Guarantees: chance, load and reuse leave nothing behind.
#[test]
fn nothing_is_held_for_traces_that_have_left() {
    let mut bench =
        Bench::new(&format!("decision_cache: {{sampled_cache_size: 0, non_sampled_cache_size: 0}}\n{SLOW}"));
    for round in 0..50_u64 {
        let spans = (0..40).map(|n| span((round * 7 + n) as u8, n).lasting(1_000, 1_000 + 100 * n)).collect();
        bench.send(spans);
        bench.wait(SECOND);
    }
    bench.finish();
    let rest = bench.shard.held();
    assert!(rest < 400_000, "{rest}");
    assert_eq!(bench.memory.held(), rest as u64);
    let count: usize = bench.out.iter().map(|out| fields_of(out, 0..out.len(), 1).count()).sum();
    assert!(count > 0);
}
