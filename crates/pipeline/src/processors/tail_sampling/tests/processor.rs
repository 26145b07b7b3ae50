//! The whole processor: its clock, its accounts, acknowledgements, and who has to wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{
    Ack, Batch, BoxFuture, Client, Consumer, Ctx, Fault, Ledger, Make, Memory, Outcome, Payload, Refusal,
    Signal, Telemetry,
};
use tokio::time::sleep;

use super::super::{FACTORY, TailSampling, settings};
use super::spans::{With, request, span};
use crate::engine::account::{Accounts, Balance};

const SLOW: &str = "decision_wait: 5s
num_shards: 3
policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}]";

/// A next consumer that refuses while told to.
#[derive(Default)]
pub(super) struct Taker {
    full: AtomicBool,
    broken: AtomicBool,
    taken: Mutex<Vec<Batch>>,
}

impl Taker {
    pub(super) fn spans(&self) -> usize {
        self.taken.lock().unwrap().iter().map(|batch| batch.items).sum()
    }

    /// Spans that an exporter has already, and others.
    pub(super) fn known_to(&self, exporter: &str) -> (usize, usize) {
        let taken = self.taken.lock().unwrap();
        let items = |known| {
            taken.iter().filter(|batch| batch.is_known_to(exporter) == known).map(|batch| batch.items).sum()
        };
        (items(true), items(false))
    }

    /// The exporter has it.
    pub(super) fn settle(&self) {
        self.taken.lock().unwrap().drain(..).for_each(|batch| batch.ack.settle("out", Outcome::Exported));
    }
}

impl Consumer for Taker {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let refused = match () {
            () if self.full.load(Ordering::Relaxed) => Some(Refusal::busy("full", Duration::from_secs(3))),
            () if self.broken.load(Ordering::Relaxed) => Some(Refusal::bug("no")),
            () => None,
        };
        if refused.is_none() {
            self.taken.lock().unwrap().push(batch);
        }
        Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
    }
}

/// Hears what becomes of each request.
#[derive(Default)]
struct Heard(Mutex<HashMap<usize, Vec<Outcome>>>);

struct One(Arc<Heard>, usize);

impl Ledger for One {
    fn settle(&self, exporter: &str, outcome: Outcome) {
        assert_eq!(exporter, "out");
        self.0.0.lock().unwrap().entry(self.1).or_default().push(outcome);
    }
}

pub(super) struct Setup {
    pub(super) taker: Arc<Taker>,
    pub(super) tail: Arc<dyn Consumer>,
    accounts: Arc<Accounts>,
    pub(super) memory: Arc<Memory>,
    ctx: Ctx,
    heard: Arc<Heard>,
}

impl Setup {
    fn new(yaml: &str) -> Self {
        Self::within(yaml, |ctx| ctx)
    }

    pub(super) fn within(yaml: &str, with: impl FnOnce(Ctx) -> Ctx) -> Self {
        let telemetry = Telemetry::default();
        let accounts = Arc::new(Accounts::new(telemetry.clone()));
        accounts.open("traces", &[Arc::from("out")]);
        let memory = Arc::new(Memory::default());
        let ctx = Ctx::new(Arc::clone(&memory), telemetry).with(Arc::clone(&accounts));
        let ctx = with(ctx).named("tail_sampling/calls").within("traces", Signal::Traces);
        let taker = Arc::new(Taker::default());
        let Make::Processor(make) = FACTORY.make else { panic!("a processor") };
        let tail =
            make(&Node::load("tail.yaml", yaml).unwrap(), &ctx, Arc::clone(&taker) as Arc<dyn Consumer>);
        let tail = tail.unwrap();
        accounts.get("traces").unwrap().watch(vec![Arc::clone(&tail)]);
        Self { taker, tail, accounts, memory, ctx, heard: Arc::default() }
    }

    /// Traces that were decided.
    pub(super) fn decided(&self) -> u64 {
        let families = self.ctx.telemetry.registry().gather();
        let decided = families.iter().filter(|family| family.name().contains("global_count_traces_sampled"));
        decided.flat_map(|family| family.get_metric()).map(|one| one.get_counter().get_value() as u64).sum()
    }

    pub(super) async fn send(
        &self,
        number: usize,
        spans: Vec<opentelemetry_proto::tonic::trace::v1::Span>,
    ) -> Result<(), Refusal> {
        self.send_for(number, spans, &[]).await
    }

    async fn send_for(
        &self,
        number: usize,
        spans: Vec<opentelemetry_proto::tonic::trace::v1::Span>,
        metadata: &[(&str, &str)],
    ) -> Result<(), Refusal> {
        let items = spans.len();
        let metadata = metadata.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let batch = Batch {
            pipeline: "traces".into(),
            ack: Ack::new(Arc::new(One(Arc::clone(&self.heard), number))),
            client: Arc::new(Client { metadata, ..Client::default() }),
            ..Batch::new(Signal::Traces, Payload::from(request(spans)), items)
        };
        let account = self.accounts.get("traces").unwrap();
        account.received(items);
        let taken = self.tail.consume(batch).await;
        if taken.is_err() {
            account.refused(items);
        }
        taken
    }

    fn balance(&self) -> Balance {
        self.accounts.balances().remove(0)
    }

    fn heard(&self, number: usize) -> Vec<Outcome> {
        self.heard.0.lock().unwrap().get(&number).cloned().unwrap_or_default()
    }

    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.ctx.telemetry.registry().gather();
        let metrics = families.iter().filter(|family| family.name() == name).flat_map(|one| one.get_metric());
        let selected = metrics.filter(|metric| {
            labels.iter().all(|(name, value)| {
                metric.get_label().iter().any(|pair| pair.name() == *name && pair.value() == *value)
            })
        });
        selected.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }
}

/// Scenario: three requests with spans of four traces, one of which is slow and one is late.
/// Guarantees: the clock decides; the law closes; a request's ledger hears once, when each of its spans has been
/// decided and the kept ones are out.
#[tokio::test(start_paused = true)]
async fn traces_are_decided_acknowledged_and_accounted_for() {
    let setup = Setup::new(SLOW);
    setup.send(1, vec![span(1, 1), span(2, 2), span(1, 3).lasting(1_000, 3_000)]).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    setup.send(2, vec![span(2, 4), span(3, 5)]).await.unwrap();
    assert_eq!((setup.tail.in_flight(), setup.balance().difference()), (5, 0));
    assert_eq!(setup.metric("otelcol_processor_tail_sampling_sampling_traces_on_memory", &[]), 3.0);
    sleep(Duration::from_millis(2_200)).await;
    assert_eq!((setup.taker.spans(), setup.tail.in_flight()), (2, 1));
    assert_eq!((setup.heard(1), setup.heard(2)), (vec![], vec![]), "half of each is still on its way");
    setup.taker.settle();
    assert_eq!((setup.heard(1), setup.heard(2)), (vec![Outcome::Exported], vec![]));
    sleep(Duration::from_secs(4)).await;
    assert_eq!((setup.heard(2), setup.tail.in_flight()), (vec![Outcome::Dropped], 0));
    setup.send(3, vec![span(1, 6), span(2, 7)]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    setup.taker.settle();
    assert_eq!(setup.heard(3), [Outcome::Exported], "late ones too");
    let balance = setup.balance();
    assert_eq!((balance.received, balance.dropped, balance.in_flight), (7, 4, 0));
    let policy = ("policy", "calls.slow");
    let traces = "otelcol_processor_tail_sampling_count_traces_sampled";
    assert_eq!(setup.metric(traces, &[policy, ("sampled", "true"), ("decision", "sampled")]), 1.0);
    assert_eq!(setup.metric(traces, &[policy, ("sampled", "false")]), 2.0);
    let late = "otelcol_processor_tail_sampling_early_releases_from_cache_decision";
    assert_eq!(
        (setup.metric(late, &[("sampled", "true")]), setup.metric(late, &[("sampled", "false")])),
        (1.0, 1.0)
    );
    assert_eq!(setup.metric("throughline_pipeline_dropped_items", &[("reason", "sampled_out")]), 4.0);
    assert_eq!(setup.metric("otelcol_processor_tail_sampling_sampling_traces_on_memory", &[]), 0.0);
}

/// D18: in the collector, sending happens where decisions are made, so that a slow exporter stalls them all.
#[tokio::test(start_paused = true)]
async fn a_refusal_behind_it_holds_nothing_up_until_memory_is_short() {
    let setup = Setup::new(SLOW);
    setup.taker.full.store(true, Ordering::Relaxed);
    let padded =
        |number: u64| span(number as u8, number).lasting(1_000, 3_000).text("pad", &"x".repeat(100_000));
    let mut taken = 0;
    let refusal = loop {
        match setup.send(taken, (0..10).map(|n| padded((taken * 10 + n) as u64)).collect()).await {
            Ok(()) => taken += 1,
            Err(refusal) => break refusal,
        }
        sleep(Duration::from_secs(1)).await;
        assert!(taken < 2_000, "a bound is missing");
    };
    assert_eq!((refusal.fault, refusal.retry_after), (Fault::Busy, Some(Duration::from_secs(3))));
    let held = setup.memory.held();
    assert!(held < 512 << 20, "{held}");
    setup.taker.full.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    setup.tail.drain(flow::Drain::default()).await;
    assert_eq!((setup.taker.spans(), setup.tail.in_flight()), (taken * 10, 0));
    assert_eq!(setup.balance().dropped, 0);
}

/// D2: in the collector `block_on_overflow` without caches is a deadlock that SIGTERM does not end.
#[tokio::test(start_paused = true)]
async fn who_blocks_on_overflow_waits_for_room_or_is_told_to_come_back() {
    let setup = Setup::new(&format!(
        "block_on_overflow: true\nnum_traces: 2\n{}",
        SLOW.replace("num_shards: 3", "num_shards: 1")
    ));
    setup.send(1, vec![span(1, 1)]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    setup.send(2, vec![span(2, 2)]).await.unwrap();
    let started = tokio::time::Instant::now();
    setup.send(3, vec![span(3, 3)]).await.unwrap();
    let waited = started.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_millis(4_300)).contains(&waited), "{waited:?}");
    let stuck = Setup::new(&format!(
        "block_on_overflow: true\nnum_traces: 1\n{}",
        SLOW.replace("num_shards: 3\n", "num_shards: 1\n").replace("5s", "60s")
    ));
    stuck.send(1, vec![span(1, 1)]).await.unwrap();
    let refusal = stuck.send(2, vec![span(2, 2)]).await.unwrap_err();
    assert!(refusal.retryable() && refusal.retry_after.is_some(), "{refusal:?}");
    tokio::time::timeout(Duration::from_secs(60), stuck.tail.drain(flow::Drain::default())).await.unwrap();
    assert_eq!((stuck.tail.in_flight(), stuck.heard(1)), (0, vec![Outcome::Dropped]));
}

#[tokio::test(start_paused = true)]
async fn what_will_never_be_taken_is_counted_and_so_is_what_is_left_at_the_stop() {
    let setup = Setup::new(SLOW);
    setup.taker.broken.store(true, Ordering::Relaxed);
    setup.send(1, vec![span(1, 1).lasting(1_000, 3_000)]).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert_eq!((setup.heard(1), setup.balance().lost), (vec![Outcome::Lost("refused")], 1));
    setup.taker.full.store(true, Ordering::Relaxed);
    setup.send(2, vec![span(2, 2).lasting(1_000, 3_000), span(3, 3)]).await.unwrap();
    setup.tail.drain(flow::Drain::default()).await;
    let balance = setup.balance();
    assert_eq!((balance.lost, balance.dropped, balance.in_flight, balance.difference()), (2, 1, 0, 0));
    assert_eq!(setup.heard(2), [Outcome::Lost("shutdown")]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_decides_what_is_pending() {
    let setup = Setup::new(SLOW);
    setup.send(1, vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]).await.unwrap();
    setup.tail.drain(flow::Drain::default()).await;
    setup.taker.settle();
    assert_eq!((setup.heard(1), setup.tail.in_flight()), (vec![Outcome::Exported], 0));
}

#[tokio::test(start_paused = true)]
async fn tenants_are_not_mixed() {
    let setup = Setup::new(SLOW);
    for (number, tenant) in ["a", "a", "b"].into_iter().enumerate() {
        let spans = vec![span(number as u8, 1).lasting(1_000, 3_000)];
        setup.send_for(number, spans, &[("x-tenant", tenant)]).await.unwrap();
    }
    sleep(Duration::from_secs(6)).await;
    let taken = setup.taker.taken.lock().unwrap();
    let tenants: Vec<_> = taken
        .iter()
        .map(|batch| (batch.client.header("x-tenant").next().unwrap().to_owned(), batch.items))
        .collect();
    let of = |tenant: &str| {
        tenants.iter().filter(|(name, _)| name == tenant).map(|(_, items)| items).sum::<usize>()
    };
    assert_eq!((of("a"), of("b")), (2, 1), "{tenants:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_is_pending() {
    let setup = Setup::new(SLOW);
    let read = |yaml: &str| settings::read(&Node::load("tail.yaml", yaml).unwrap()).0.unwrap();
    let (settings, policies) = read(SLOW);
    let next = Arc::clone(&setup.taker) as Arc<dyn Consumer>;
    let tail = Arc::new(TailSampling::new(&setup.ctx, &settings, policies, next));
    let revise = |yaml: &str| Arc::clone(&tail).revise(&Node::load("tail.yaml", yaml).unwrap());
    let items = 2;
    let batch =
        Batch::new(Signal::Traces, Payload::from(request(vec![span(1, 1), span(2, 2).status(2)])), items);
    tail.consume(batch).await.unwrap();
    let other = "{decision_wait: 1s, num_shards: 3, policies: [{name: e, type: status_code, status_code: {status_codes: [ERROR]}}]}";
    revise(other).unwrap()();
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!((setup.taker.spans(), tail.in_flight()), (1, 0));
    let fewer = other.replace("num_shards: 3", "num_shards: 2");
    assert!(revise(&fewer).is_none());
}
