//! Policies that remember: rates and `composite`.

use super::super::facts::Facts;
use super::super::policy::{Policies, Subject, Verdict};
use super::spans::{SECOND, policies};

/// Which policies keep a trace of so many spans (and bytes) at this time.
fn keeps(by: &Policies, spans: u32, now: u64) -> bool {
    let facts = Facts { spans, bytes: u64::from(spans), ..Facts::default() };
    matches!(by.decide(&Subject::new([1; 16], None, &facts, now), |_, _| ()), Verdict::Sampled(_))
}

#[test]
fn a_bucket_lets_through_its_burst_and_then_its_rate() {
    for (kind, rate) in [("rate_limiting", "spans_per_second"), ("bytes_limiting", "bytes_per_second")] {
        let (_, by) = policies(&format!("policies: [{{name: p, type: {kind}, {kind}: {{{rate}: 10}}}}]"));
        assert!(keeps(&by, 15, 0), "twice the rate at first");
        assert!(!keeps(&by, 6, 0), "5 are left");
        assert!(keeps(&by, 5, 0));
        assert!(!keeps(&by, 6, SECOND / 2));
        assert!(keeps(&by, 5, SECOND / 2));
        assert!(keeps(&by, 20, 100 * SECOND) && !keeps(&by, 1, 100 * SECOND), "never more than the burst");
    }
}

/// D16: in the collector, what is larger than the burst can never pass.
#[test]
fn what_is_larger_than_the_bucket_passes_and_is_paid_back() {
    let yaml = "policies: [{name: p, type: rate_limiting, rate_limiting: {spans_per_second: 10, burst_capacity: 10}}]";
    let (_, by) = policies(yaml);
    assert!(keeps(&by, 50, 0), "the bucket was full");
    let passed: Vec<u64> = (1..=6).filter(|second| keeps(&by, 10, second * SECOND)).collect();
    assert_eq!(passed, [5, 6], "the rate holds over time");
}

const COMPOSITE: &str = "
policies:
  - name: c
    type: composite
    composite:
      max_total_spans_per_second: 100
      policy_order: [second, first, rest]
      composite_sub_policy:
        - {name: first, type: span_count, span_count: {min_spans: 1}}
        - {name: second, type: span_count, span_count: {min_spans: 30}}
        - {name: rest, type: always_sample}
      rate_allocation: [{policy: second, percent: 30}, {policy: first, percent: 20}]
";

/// D9: in the collector the order is that of the list, a part without a share has 0, and the total is not one.
#[test]
fn composite_keeps_its_order_its_shares_and_its_total() {
    let (_, by) = policies(COMPOSITE);
    assert!(keeps(&by, 30, 0), "the second one is asked first, and has 30");
    assert!(keeps(&by, 20, 0), "the first one has 20");
    assert!(keeps(&by, 40, 0), "who has no share takes what the total leaves");
    assert!(!keeps(&by, 11, 0), "100 are 100");
    assert!(keeps(&by, 10, 0));
    assert!(!keeps(&by, 1, SECOND - 1));
    assert!(keeps(&by, 100, SECOND), "the next second");
}

#[test]
fn a_trace_larger_than_its_share_passes_and_is_paid_back() {
    let (_, by) = policies(COMPOSITE);
    assert!(keeps(&by, 250, 0));
    assert!(!keeps(&by, 1, 2 * SECOND - 1), "two seconds' worth was taken ahead");
    assert!(keeps(&by, 1, 3 * SECOND));
}

#[test]
fn equal_shares_where_a_percent_is_0() {
    let yaml = "policies: [{name: c, type: composite, composite: {max_total_spans_per_second: 100, composite_sub_policy: [{name: a, type: always_sample}, {name: b, type: trace_flags}], rate_allocation: [{policy: a, percent: 0}, {policy: b, percent: 0}]}}]";
    let (_, by) = policies(yaml);
    assert!(keeps(&by, 50, 0));
    assert!(!keeps(&by, 1, 0), "half of it, and the rest is for the other one");
}
