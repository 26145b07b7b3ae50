//! Reloads of plans whose ends are fake and whose middle is real.

mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake::{Hub, context, one_span, read};
use flow::{Ctx, Signal};

use super::*;
use crate::engine::account::Balance;

const PLAIN: &str = "
receivers: {push: }
processors: {batch: {timeout: 1h}, attributes: {actions: [{key: v, value: old, action: upsert}]}}
exporters: {keep: }
service: {pipelines: {traces: {receivers: [push], processors: [batch, attributes], exporters: [keep]}}}
";

const PLAN_OF_TWO: &str = "
receivers: {push: {port: 'ONE'}, push/2: {port: 'OTHER'}}
exporters: {keep: }
service: {pipelines: {traces: {receivers: [push, push/2], exporters: [keep]}}}
";

async fn start(yaml: &str) -> (Running, Ctx, Arc<Hub>) {
    let ctx = context();
    let plan = read(yaml).0.unwrap_or_else(|| panic!("{:?}", read(yaml).1));
    let running = Running::start(&plan, &ctx).await.unwrap();
    let hub = ctx.get::<Hub>().unwrap();
    (running, ctx, hub)
}

fn balances(ctx: &Ctx) -> Vec<Balance> {
    ctx.get::<Accounts>().unwrap().balances()
}

/// Reloads that ended so.
fn count(ctx: &Ctx, result: &str) -> u64 {
    let family = ctx.telemetry.counter("throughline_config_reloads", "", &["result"]);
    family.with_label_values(&[result]).get()
}

/// Scenario: the value that a processor sets is changed while `batch` in front of it holds a span.
/// Guarantees: what was held leaves at once and the old way, what comes then goes the new way; the receiver is the same.
#[tokio::test]
async fn processors_are_exchanged_and_their_buffers_passed_on() {
    let (mut running, ctx, hub) = start(PLAIN).await;
    hub.push("push", one_span(1)).await.unwrap();
    assert_eq!((hub.kept("keep").len(), balances(&ctx)[0].in_flight), (0, 1));

    running.reload(read(&PLAIN.replace("old", "new"))).await.unwrap();
    hub.push("push", one_span(2)).await.unwrap();
    hub.kept_so_many("keep", 1).await;
    assert_eq!(balances(&ctx)[0].in_flight, 1, "the new `batch` holds the second one");
    running.stop().await;
    assert_eq!(hub.kept("keep"), [(1, "old".to_owned()), (2, "new".to_owned())]);
    assert_eq!(balances(&ctx)[0].difference(), 0);
    assert_eq!(hub.events(), ["keep starts", "push starts", "push stops", "keep stops"]);
}

/// Scenario: of a sampler only the policies change, and after it the processor in front of it, while traces are pending.
/// Guarantees: they stay pending, and the new policies decide on them.
#[tokio::test(start_paused = true)]
async fn pending_traces_wait_for_new_policies() {
    let yaml = "
receivers: {push: }
processors:
  attributes: {actions: [{key: v, value: old, action: upsert}]}
  tail_sampling: {decision_wait: 10s, policies: [{name: some, type: status_code, status_code: {status_codes: [ERROR]}}]}
exporters: {keep: }
service: {pipelines: {traces: {receivers: [push], processors: [attributes, tail_sampling], exporters: [keep]}}}
";
    let (mut running, ctx, hub) = start(yaml).await;
    hub.push("push", one_span(1)).await.unwrap();
    let all = yaml.replace("type: status_code, status_code: {status_codes: [ERROR]}", "type: always_sample");
    running.reload(read(&all)).await.unwrap();
    running.reload(read(&all.replace("old", "new"))).await.unwrap();
    hub.push("push", one_span(2)).await.unwrap();
    // An exporter more does not touch it either.
    let more = all
        .replace("old", "new")
        .replace("{keep: }", "{keep: , keep/2: }")
        .replace("[keep]", "[keep, keep/2]");
    running.reload(read(&more)).await.unwrap();
    assert_eq!(balances(&ctx).iter().map(|balance| balance.in_flight).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(hub.kept("keep").len(), 0);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let mut kept = hub.kept("keep");
    kept.sort();
    assert_eq!(kept, [(1, "old".to_owned()), (2, "new".to_owned())]);
    assert_eq!(hub.kept("keep/2").len(), 2);
    running.stop().await;
    assert!(balances(&ctx).iter().all(|balance| balance.difference() == 0));
}

/// Scenario: configurations with errors, with what needs a restart, and with what cannot start.
/// Guarantees: the earlier one goes on as if nothing had been; each is counted and told why.
#[tokio::test]
async fn what_is_not_good_changes_nothing() {
    let (mut running, ctx, hub) = start(PLAIN).await;
    hub.take_port("9");
    let before = hub.events();
    let two_receivers =
        PLAIN.replace("{push: }", "{push: , push/2: {port: '9'}}").replace("[push]", "[push, push/2]");
    for (yaml, result, why) in [
        (PLAIN.replace("[keep]", "[nothing]"), "invalid", "the configuration has errors"),
        (
            PLAIN.replace("service: {", "service: {telemetry: {logs: {level: debug}}, "),
            "needs_restart",
            "these change with a restart alone: service::telemetry::logs; restart, or take them back and reload again",
        ),
        (
            PLAIN.replace("{keep: }", "{keep: {alone: true}}"),
            "needs_restart",
            "these change with a restart alone: exporters::keep; restart, or take them back and reload again",
        ),
        (two_receivers, "failed", "push/2: the port 9 is taken"),
        (PLAIN.replace("{push: }", "{push: {port: '9'}}"), "failed", "push: the port 9 is taken"),
        (
            PLAIN.replace("{keep: }", "{keep: , keep/2: {fails: true}}").replace("[keep]", "[keep, keep/2]"),
            "failed",
            "keep/2: cannot start",
        ),
    ] {
        if why.contains("keep;") {
            hub.make_alone("keep");
        }
        let counted = count(&ctx, result);
        let error = running.reload(read(&yaml)).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), count(&ctx, result)), (why, counted + 1), "{yaml}");
        let pipelines: Vec<_> =
            balances(&ctx).iter().map(|b| format!("{} {}", b.pipeline, b.exporter)).collect();
        assert_eq!(pipelines, ["traces keep"], "{why}");
        assert_eq!(running.health.phase(), Phase::Running);
        hub.push("push", one_span(1)).await.unwrap();
    }
    assert!(hub.events().starts_with(&before));
    assert_eq!(
        hub.events().iter().filter(|event| *event == "push starts").count(),
        2,
        "for another one that failed"
    );
    assert_eq!(count(&ctx, "applied"), 1);
    running.stop().await;
    assert_eq!((hub.kept("keep").len(), balances(&ctx)[0].difference()), (6, 0));
}

/// Scenario: the process stops while an exporter does not answer.
/// Guarantees: the stop ends, says how many items are lost, and the law closes.
#[tokio::test(start_paused = true)]
async fn a_stop_ends_in_its_time() {
    let (mut running, ctx, hub) = start(&PLAIN.replace("{keep: }", "{keep: {hangs: true}}")).await;
    running.set_drain_timeout(Duration::from_secs(3));
    hub.push("push", one_span(1)).await.unwrap();
    assert_eq!(running.stop().await, 1);
    let balance = balances(&ctx).remove(0);
    assert_eq!((balance.lost, balance.in_flight, balance.difference()), (1, 0, 0));
}

/// Scenario: everything changes while nothing of the old comes to an end: two receivers do not close, a batch is on its way
/// in an exporter without a queue, and one waits in the queue of another that does not answer.
/// Guarantees: the reload ends in the time of one stop, what is given up is counted, and the law closes.
#[tokio::test(start_paused = true)]
async fn a_reload_ends_in_its_time() {
    let old = "
receivers: {push: {hangs: true}, push/2: {hangs: true}, push/3: {hangs: true}}
exporters: {keep: {hangs: true}, keep/2: {hangs: true, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}}
service:
  pipelines:
    traces: {receivers: [push, push/2], exporters: [keep]}
    traces/2: {receivers: [push/3], exporters: [keep/2]}
";
    let (mut running, ctx, hub) = start(old).await;
    running.set_drain_timeout(Duration::from_secs(9));
    hub.push("push", one_span(1)).await.unwrap();
    let underway = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.push("push/3", one_span(2)).await }
    });
    while balances(&ctx).iter().map(|balance| balance.in_flight).sum::<i64>() < 2 {
        tokio::task::yield_now().await;
    }
    let new = old
        .replace("push: {hangs: true}, push/2: {hangs: true}", "push: , push/2: ")
        .replace("{hangs: true}", "")
        .replace("hangs: true, ", "");
    let began = Instant::now();
    running.reload(read(&new)).await.unwrap();
    assert!(began.elapsed() <= Duration::from_secs(9), "{:?}", began.elapsed());
    hub.push("push", one_span(3)).await.unwrap();
    hub.push("push/3", one_span(4)).await.unwrap();
    running.stop().await;
    assert_eq!((hub.kept("keep"), hub.kept("keep/2")), (vec![(3, String::new())], vec![(4, String::new())]));
    let balances = balances(&ctx);
    assert_eq!(
        balances.iter().map(|balance| (balance.lost, balance.difference())).collect::<Vec<_>>(),
        [(1, 0), (0, 0)]
    );
    underway.abort();
}

/// Scenario: two receivers exchange their addresses.
/// Guarantees: each has the other's, for both are closed before the first opens.
#[tokio::test]
async fn receivers_may_exchange_their_addresses() {
    let old = PLAN_OF_TWO.replace("ONE", "1").replace("OTHER", "2");
    let (mut running, _, hub) = start(&old).await;
    running.reload(read(&PLAN_OF_TWO.replace("ONE", "2").replace("OTHER", "1"))).await.unwrap();
    assert_eq!(["1", "2"].map(|port| hub.has_port(port).unwrap()), ["push/2", "push"]);
    running.stop().await;
}

/// Scenario: six configurations follow each other in every order, under load.
/// Guarantees: no batch is refused, none is lost or doubled at the exporter that is in all of them, and the law closes for
/// every pipeline and exporter whenever the load pauses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_every_configuration_to_every_other_one() {
    let all = configurations();
    let (mut running, ctx, hub) = start(&all[0]).await;
    let mut sent = 0;
    for pair in all.iter().flat_map(|from| all.iter().map(move |to| [from, to])) {
        let (over, first) = (Arc::new(AtomicBool::new(false)), sent + 1);
        let load = tokio::spawn(push_until(Arc::clone(&over), Arc::clone(&hub), first));
        for yaml in pair {
            let seen = hub.pushed();
            hub.pushed_more_than(seen).await;
            running.reload(read(yaml)).await.unwrap();
        }
        over.store(true, Ordering::Relaxed);
        sent = load.await.unwrap();
        while !balances(&ctx).iter().all(|balance| balance.in_flight == 0) {
            tokio::task::yield_now().await;
        }
        for balance in balances(&ctx) {
            assert_eq!((balance.difference(), balance.lost), (0, 0), "{balance:?} {pair:#?}");
        }
    }
    running.stop().await;
    let mut kept: Vec<u64> = hub.kept("keep").into_iter().map(|(id, _)| id).collect();
    kept.sort_unstable();
    assert!(kept.iter().copied().eq(1..=sent), "{} of {sent}", kept.len());
    assert_eq!(count(&ctx, "applied"), 1 + 2 * 36);
}

fn configurations() -> [String; 6] {
    let plain = PLAIN.replace("1h", "2ms");
    let more = plain.replace("{keep: }", "{keep: , keep/2: {sending_queue: {queue_size: 100000}}}");
    let more = more.replace("[keep]", "[keep, keep/2]");
    let bare = plain.replace("[batch, attributes]", "[]");
    let joined = "
receivers: {push: }
processors: {batch: {timeout: 2ms, send_batch_size: 7}}
connectors: {hand: }
exporters: {keep: , keep/2: }
service:
  pipelines:
    traces: {receivers: [push], processors: [batch], exporters: [hand]}
    traces/behind: {receivers: [hand], processors: [batch], exporters: [keep]}
    traces/aside: {receivers: [push], exporters: [keep/2]}
";
    let other = joined.replace("hand: }", "hand: {other: 1}}");
    let queue = plain.replace("{keep: }", "{keep: {sending_queue: {num_consumers: 1, queue_size: 100000}}}");
    [plain, more, bare, joined.to_owned(), other, queue]
}

/// The number of the last one.
async fn push_until(over: Arc<AtomicBool>, hub: Arc<Hub>, first: u64) -> u64 {
    for number in first.. {
        hub.push("push", one_span(number)).await.unwrap();
        if over.load(Ordering::Relaxed) {
            return number;
        }
        tokio::task::yield_now().await;
    }
    0
}
