//! The receiver `genesys_cloud` at the simulator, over real sockets: what comes out is what happened.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod killed;
mod site;

use std::time::Duration;

use sim::genesys::scenario::{Scenario, library};
use sim::genesys::service::{Faults, Mischief, Options, Traffic};
use site::{Site, size, told};
use tokio::time::Instant;

/// Conversations at a multiple of their speed, so many at a time.
fn options(calls: u64, concurrent: usize, speed: f64) -> Options {
    let traffic = Traffic { concurrent, calls: Some(calls), speed, ..Traffic::default() };
    Options { traffic, requests_per_minute: 6000, ..Options::quiet(scenarios()) }
}

/// All but those that are about clocks, which the speed turns as well.
fn scenarios() -> Vec<Scenario> {
    let usual = |scenario: &Scenario| !["clock-skew", "crossing-midnight"].contains(&scenario.name.as_str());
    library().unwrap().into_iter().filter(usual).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_conversation_becomes_its_spans() {
    let site = Site::open(options(60, 20, 300.0)).await;
    site.ended(60).await;
    site.complete(60).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_and_nothing_doubled_whatever_happens_to_the_sockets() {
    let (calls, concurrent) = (size("CALLS", 120), size("CONCURRENT", 40));
    let mut options = options(calls, usize::try_from(concurrent).unwrap(), size("SPEED", 400) as f64);
    options.requests_per_minute = size("REQUESTS_PER_MINUTE", 6000);
    options.faults = Faults {
        drop_socket: 0.01,
        duplicate: 0.1,
        reorder: 0.1,
        delay_ms: 100,
        malformed: 0.01,
        status_503: 0.02,
        ..Faults::default()
    };
    let site = Site::open(options).await;
    for mischief in
        [Mischief::DropSockets, Mischief::RevokeTokens, Mischief::EvictChannels, Mischief::CloseSockets]
    {
        site.ended_at_least(site.ended_now() + calls / 8).await;
        site.make(mischief);
    }
    site.ended(calls).await;
    site.calm();
    site.complete(usize::try_from(calls).unwrap()).await;
    eprintln!("{}", site.figures());
    site.stop().await;
}

/// The service is gone while half as many conversations end as were going on, as many others begin, and the rest goes on.
/// What happened is in the store again within the requests that the service allows in two minutes, which is how
/// `make prove` counts 2 000.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_the_service_was_gone_is_mended() {
    let count = size("MENDED", 100);
    let open = usize::try_from(count).unwrap();
    let mut options = options(2 * count, open, size("MENDED_SPEED", 20) as f64);
    options.requests_per_minute = 300;
    let site = Site::open(options).await;
    site.heard_of(open).await;
    site.gone();
    site.ended_at_least(site.ended_now() + count / 2).await;
    site.calm();
    let (since, before) = (Instant::now(), site.requests());
    let happened = told(&site.simulator).await;
    let missed = site.lacking(&happened).len();
    assert!(missed > open, "{missed} of {} were missed", happened.len());
    site.has(&happened).await;
    let (took, requests) = (since.elapsed(), site.requests() - before);
    assert!(requests <= 600, "{requests} requests");
    eprintln!(
        "{missed} of {} spans were missed, and there after {took:?} and {requests} requests",
        happened.len()
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_takes_nothing_for_a_while_loses_nothing() {
    let site = Site::open(options(30, 15, 300.0)).await;
    site.refuse(true);
    site.ended_at_least(10).await;
    site.refuse(false);
    site.ended(30).await;
    site.complete(30).await;
    site.stop().await;
}

/// Analytics tells all that happened but participant data, in which a flow has put the span that the call continues.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_heard_of_continues_its_trace() {
    let mut options = options(3, 3, 300.0);
    options.scenarios.retain(|scenario| scenario.name == "traced");
    options.faults = Faults { status_503: 1.0, drop_socket: 1.0, ..Faults::default() };
    let site = Site::open(options).await;
    site.ended(3).await;
    site.calm();
    site.complete(3).await;
    assert_eq!(site.parents_of("voice conversation"), vec!["b7ad6b7169203331"; 3]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_comes_up_late_is_waited_for() {
    let mut options = options(5, 5, 300.0);
    options.faults = Faults { status_503: 1.0, ..Faults::default() };
    let site = Site::open(options).await;
    site.asked(3).await;
    site.calm();
    site.ended(5).await;
    site.complete(5).await;
    tokio::time::timeout(Duration::from_secs(10), site.stop()).await.unwrap();
}
