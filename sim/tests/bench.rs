//! The harness measured with a system that does nothing but copy bytes.

use std::path::PathBuf;
use std::time::Duration;

use sim::bench::{Durations, Limits, System, all, measure};

fn relay() -> System {
    System {
        name: "relay".into(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_throughline-bench")),
        arguments: vec!["relay".into()],
    }
}

const SHORT: Durations =
    Durations { rest: Duration::ZERO, warm_up: Duration::from_millis(100), load: Duration::from_millis(300) };

/// Scenario: every scenario, briefly, with a relay in the place of the collector.
/// Guarantees: all that was accepted came out, and every figure was taken.
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_runs_and_the_accounts_close() {
    let scratch = tempfile::tempdir().unwrap();
    for mut scenario in all() {
        // A relay keeps everything, and nothing for a while.
        (scenario.kept_one_in, scenario.held) = (1, Duration::ZERO);
        // It has no memory of its own to fill, so what it is offered waits in the connections.
        scenario.sink_spans_per_second = scenario.sink_spans_per_second.map(|rate| rate * 10);
        let figures = measure(&relay(), &scenario, SHORT, scratch.path(), &|_| {}).await.unwrap();
        assert!(figures.accepted > 0, "{figures:?}");
        assert_eq!((figures.lost(), figures.surplus(), figures.unknown), (0, 0, 0), "{figures:?}");
        assert!(figures.idle_mib > 0.0 && figures.peak_mib >= figures.idle_mib, "{figures:?}");
        assert!(figures.bytes_per_span_out > 100.0, "{figures:?}");
        assert_eq!(figures.judged(Limits::default(), &[]).misses, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_system_that_does_not_start_is_told_with_its_last_words() {
    let broken = System { arguments: vec!["no-such-command".into()], ..relay() };
    let scratch = tempfile::tempdir().unwrap();
    let scenario = all().remove(0);
    let error = measure(&broken, &scenario, SHORT, scratch.path(), &|_| {}).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("ended before it was ready") && text.contains("no-such-command"), "{text}");
}
