//! `sampling_strategy: span-ingest`: decided as spans come in, where no later span can change it.

use super::spans::{Bench, SECOND, With, span};

const INGEST: &str = "
decision_wait: 5s
sampling_strategy: span-ingest
policies:
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
";
const DROP: &str = "  - {name: probes, type: drop, drop: {drop_sub_policy: [{name: probe, type: string_attribute, string_attribute: {key: probe, values: ['1']}}]}}
";

#[test]
fn a_policy_that_holds_decides_at_once() {
    let mut bench = Bench::new(INGEST);
    bench.send(vec![span(1, 1).lasting(1_000, 1_500)]);
    assert_eq!(bench.names().len(), 0);
    bench.send(vec![span(1, 2).lasting(1_900, 2_000), span(2, 3)]);
    assert_eq!(bench.names(), ["span 1", "span 2"], "with what was stored");
    bench.send(vec![span(1, 4)]);
    assert_eq!(bench.names(), ["span 4"]);
    bench.wait(5 * SECOND);
    assert_eq!((bench.names().len(), bench.gone()), (0, 1));
}

/// D10: in the collector a `drop` policy that does not hold keeps every trace pending, and at the end all are left out.
#[test]
fn a_drop_policy_only_defers() {
    let mut bench = Bench::new(&format!("{INGEST}{DROP}"));
    bench.send(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2).lasting(1_000, 3_000)]);
    assert_eq!((bench.names().len(), bench.gone()), (0, 0), "a later span could be a probe");
    bench.send(vec![span(2, 3).text("probe", "1")]);
    assert_eq!(bench.gone(), 2, "and is one: nothing changes that");
    bench.wait(5 * SECOND);
    assert_eq!(bench.names(), ["span 1"]);
}

#[test]
fn a_drop_policy_that_is_ruled_out_does_not_defer() {
    let never = "  - {name: never, type: drop, drop: {drop_sub_policy: [{name: none, type: probabilistic, probabilistic: {sampling_percentage: 0}}, {name: probe, type: string_attribute, string_attribute: {key: probe, values: ['1']}}]}}\n";
    let mut bench = Bench::new(&format!("{INGEST}{never}"));
    bench.send(vec![span(1, 1).lasting(1_000, 3_000)]);
    assert_eq!(bench.names(), ["span 1"]);
}
