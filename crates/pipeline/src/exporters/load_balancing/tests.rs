//! The balancer with backends of paper, whose clock is paused; over sockets in [`sockets`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flow::otlp::view::{Span, resource_spans};
use flow::{Ack, Consumer, Ledger, Memory, Outcome, Payload, Telemetry};

use super::*;
use crate::engine::account::{Accounts, Balance};
use crate::engine::health::Health;
use crate::engine::sending::{Sending, SendingSettings};

mod settings;
mod names;
mod promise;
mod sockets;

/// What backends of paper have taken, and which of them answer.
#[derive(Default)]
struct World {
    dead: StdMutex<BTreeSet<String>>,
    /// Span ids, by the endpoint that took them.
    taken: StdMutex<BTreeMap<String, Vec<u64>>>,
}

impl World {
    fn kill(&self, endpoint: &str) {
        self.dead.lock().unwrap().insert(endpoint.to_owned());
    }

    fn revive(&self, endpoint: &str) {
        self.dead.lock().unwrap().remove(endpoint);
    }

    fn all(&self) -> BTreeSet<u64> {
        self.taken.lock().unwrap().values().flatten().copied().collect()
    }

    fn at(&self, endpoint: &str) -> usize {
        self.taken.lock().unwrap().get(endpoint).map_or(0, Vec::len)
    }
}

struct Paper {
    endpoint: String,
    world: Arc<World>,
}

impl Exporter for Paper {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if self.world.dead.lock().unwrap().contains(&self.endpoint) {
                return Err(ExportError::Retry { why: "refused".into(), after: None });
            }
            let mut taken = self.world.taken.lock().unwrap();
            taken.entry(self.endpoint.clone()).or_default().extend(span_ids(&batch.payload));
            Ok(())
        })
    }
}

fn paper(_: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let endpoint = ctx.id.strip_prefix("otlp_grpc/").unwrap().to_owned();
    Ok(Arc::new(Paper { endpoint, world: ctx.get::<World>().unwrap() }))
}

fn span_ids(payload: &Payload) -> Vec<u64> {
    let bytes = payload.to_bytes();
    let spans = resource_spans(&bytes).flat_map(|resource| resource.scope_spans()).flat_map(|s| s.spans());
    spans.map(|span: Span<'_>| u64::from_be_bytes(span.span_id.try_into().unwrap())).collect()
}

/// Each request settles once.
#[derive(Default)]
struct Settled(StdMutex<HashMap<u64, Vec<Outcome>>>, AtomicBool);

struct One {
    request: u64,
    all: Arc<Settled>,
}

impl Ledger for One {
    fn settle(&self, exporter: &str, outcome: Outcome) {
        assert_eq!(exporter, "load_balancing");
        self.all.0.lock().unwrap().entry(self.request).or_default().push(outcome);
    }

    fn is_durable(&self) -> bool {
        self.all.1.load(Ordering::Relaxed)
    }
}

/// An exporter as the engine runs it.
struct Setup {
    world: Arc<World>,
    exporter: Arc<LoadBalancing>,
    sending: Arc<Sending>,
    ctx: Ctx,
    settled: Arc<Settled>,
    sent: AtomicU64,
    requests: AtomicU64,
}

impl Setup {
    async fn start(yaml: &str, make: balancer::MakeExporter) -> Self {
        Self::within(Ctx::new(Arc::new(Memory::default()), Telemetry::default()), yaml, make).await
    }

    async fn within(ctx: Ctx, yaml: &str, make: balancer::MakeExporter) -> Self {
        let section = Node::load("c.yaml", yaml).unwrap();
        let findings: Vec<_> = settings::errors(&section);
        assert_eq!(findings, [""; 0]);
        let world = Arc::new(World::default());
        let accounts = Arc::new(Accounts::new(ctx.telemetry.clone()));
        accounts.open("traces", &[Arc::from("load_balancing")]);
        let ctx = ctx
            .with(Arc::clone(&world))
            .with(Arc::clone(&accounts))
            .with(Arc::new(Health::default()))
            .named("load_balancing");
        let settings: Settings = section.parse().unwrap();
        let resolver = Resolver::new(&settings.resolver, &ctx).unwrap();
        let balancer = Arc::new(Balancer::new(&section, &settings, resolver.name(), make, &ctx).unwrap());
        let exporter = Arc::new(LoadBalancing { balancer, resolver, tasks: Mutex::default() });
        let sending = Sending::start(
            "load_balancing",
            Arc::clone(&exporter) as Arc<dyn Exporter>,
            SendingSettings::asked_for(&section),
            None,
            (accounts, ctx.get().unwrap(), &ctx.telemetry),
        );
        exporter.start().await.unwrap();
        Self { world, exporter, sending, ctx, settled: Arc::default(), sent: 0.into(), requests: 0.into() }
    }

    /// So many traces of three spans each, ids counting up; resources hold several traces.
    async fn send(&self, traces: u64) -> Result<(), flow::Refusal> {
        let first = self.sent.fetch_add(traces * 3, Ordering::Relaxed);
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut batch = batch(first, traces);
        batch.pipeline = Arc::from("traces");
        batch.ack = Ack::new(Arc::new(One { request, all: Arc::clone(&self.settled) }));
        batch.hold = self.ctx.memory.hold(batch.payload.len());
        let account = self.ctx.get::<Accounts>().unwrap().get("traces").unwrap();
        let items = batch.items;
        account.received(items);
        let taken = self.sending.consume(batch).await;
        if taken.is_err() {
            account.refused(items);
            self.sent.fetch_sub(traces * 3, Ordering::Relaxed);
        }
        taken
    }

    fn balance(&self) -> Balance {
        let balance = self.ctx.get::<Accounts>().unwrap().balances().remove(0);
        assert_eq!(balance.difference(), 0, "{balance:?}");
        balance
    }

    /// While others send.
    fn balance_now(&self) -> Balance {
        self.ctx.get::<Accounts>().unwrap().balances().remove(0)
    }

    /// Lets time go by until nothing is in flight.
    async fn quiet(&self) {
        while self.balance().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(&self) {
        self.sending.drain(flow::Drain::default()).await;
        self.exporter.stop().await;
    }

    fn install(&self, endpoints: &[&str]) {
        self.exporter
            .balancer
            .install(&endpoints.iter().map(|endpoint| Arc::from(*endpoint)).collect())
            .unwrap();
    }

    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.ctx.telemetry.registry().gather();
        let metrics = families.iter().filter(|family| family.name() == name).flat_map(|f| f.get_metric());
        let selected = metrics.filter(|metric| {
            labels.iter().all(|(name, value)| {
                metric.get_label().iter().any(|pair| pair.name() == *name && pair.value() == *value)
            })
        });
        selected.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }
}

/// Traces of three spans, two of them under one resource and the third under the next.
fn batch(first: u64, traces: u64) -> Batch {
    let span =
        |id: u64| format!(r#"{{"traceId":"{:032x}","spanId":"{:016x}","name":"s"}}"#, id / 3 + 1, id + 1);
    let group = |service: &str, ids: Vec<u64>| {
        let spans: Vec<_> = ids.into_iter().map(|id| span(first + id)).collect();
        format!(
            r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}"#,
            spans.join(",")
        )
    };
    let both = (0..traces * 3).filter(|id| id % 3 < 2).collect();
    let third = (0..traces * 3).filter(|id| id % 3 == 2).collect();
    let json = format!(r#"{{"resourceSpans":[{},{}]}}"#, group("a", both), group("b", third));
    let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
    flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap()
}

const THREE: &str = "resolver: {static: {hostnames: [a, b, c]}}";

#[tokio::test(start_paused = true)]
async fn a_trace_has_one_backend() {
    let setup = Setup::start(THREE, paper).await;
    for _ in 0..20 {
        setup.send(30).await.unwrap();
    }
    setup.quiet().await;
    let taken = setup.world.taken.lock().unwrap().clone();
    assert_eq!(taken.keys().collect::<Vec<_>>(), ["a:4317", "b:4317", "c:4317"]);
    let mut homes: HashMap<u64, &str> = HashMap::new();
    for (endpoint, spans) in &taken {
        assert!(spans.len() > 400, "{endpoint} has its share: {}", spans.len());
        for span in spans {
            assert_eq!(homes.entry((span - 1) / 3).or_insert(endpoint), endpoint);
        }
    }
    assert_eq!(homes.len(), 600);
    let balance = setup.balance();
    assert_eq!((balance.exported, balance.lost), (1800, 0));
    assert!(setup.settled.0.lock().unwrap().values().all(|outcomes| *outcomes == [Outcome::Exported]));
    assert_eq!(setup.ctx.memory.held(), 0);
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn other_keys_route_too() {
    for (key, homes) in [
        ("routing_key: service", 2),
        ("{routing_key: attributes, routing_attributes: [service.name]}", 2),
        ("{routing_key: attributes, routing_attributes: [nothing]}", 1),
    ] {
        let key = key.trim_matches(['{', '}']);
        let hosts: Vec<_> = (0..40).map(|nth| format!("h{nth}")).collect();
        let setup = Setup::start(
            &format!("{{resolver: {{static: {{hostnames: [{}]}}}}, {key}}}", hosts.join(",")),
            paper,
        )
        .await;
        setup.send(50).await.unwrap();
        setup.quiet().await;
        assert_eq!(setup.world.taken.lock().unwrap().len(), homes, "{key}");
        setup.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_removed_backend_goes_to_the_others() {
    let setup = Setup::start(&format!("{{{THREE}, failover_after: 0s}}"), paper).await;
    setup.world.kill("b:4317");
    for _ in 0..30 {
        setup.send(10).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = setup.balance().in_flight;
    assert!(waiting > 200, "a third waits: {waiting}");
    setup.install(&["a:4317", "c:4317"]);
    setup.quiet().await;
    let balance = setup.balance();
    assert_eq!((balance.exported, balance.lost), (900, 0));
    assert_eq!(setup.world.all().len(), 900);
    let moved = [("exporter", "load_balancing"), ("reason", "backend_removed")];
    assert_eq!(setup.metric("throughline_loadbalancer_rerouted_items", &moved), waiting as f64);
    assert_eq!(setup.metric("otelcol_loadbalancer_num_backends", &[("resolver", "static")]), 2.0);
    assert_eq!(setup.metric("otelcol_loadbalancer_num_backend_updates", &[]), 2.0);
    let of_b = |name| {
        setup.ctx.telemetry.registry().gather().iter().any(|family| {
            family.name() == name
                && family
                    .get_metric()
                    .iter()
                    .any(|m| m.get_label().iter().any(|pair| pair.value().contains("b:4317")))
        })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    for name in
        ["otelcol_exporter_queue_size", "otelcol_exporter_sent_spans", "otelcol_loadbalancer_backend_outcome"]
    {
        assert!(!of_b(name), "{name} has forgotten the backend");
    }
    assert!(
        setup
            .ctx
            .get::<Health>()
            .unwrap()
            .readiness()
            .exporters
            .iter()
            .all(|e| !e.exporter.contains("b:4317"))
    );
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_is_passed_over_until_it_does() {
    let setup = Setup::start(&format!("{{{THREE}, failover_after: 10s}}"), paper).await;
    setup.world.kill("b:4317");
    for _ in 0..40 {
        setup.send(10).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(setup.metric("throughline_loadbalancer_backends_down", &[]), 1.0);
    assert!(setup.balance().in_flight < 200, "no more than what is being tried there");
    setup.world.revive("b:4317");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(setup.metric("throughline_loadbalancer_backends_down", &[]), 0.0);
    let before = setup.world.at("b:4317");
    setup.send(30).await.unwrap();
    setup.quiet().await;
    assert!(setup.world.at("b:4317") > before, "it has its share again");
    assert_eq!((setup.balance().lost, setup.world.all().len()), (0, 40 * 30 + 90));
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_one_backend_gives_up_is_given_to_the_next() {
    let yaml = "{resolver: {static: {hostnames: [a, b, c]}}, failover_after: 0s,
        protocol: {otlp: {retry_on_failure: {max_elapsed_time: 8s}}}}";
    let setup = Setup::start(yaml, paper).await;
    setup.world.kill("b:4317");
    setup.send(60).await.unwrap();
    setup.quiet().await;
    assert_eq!((setup.balance().exported, setup.world.all().len()), (180, 180));
    assert!(setup.metric("throughline_loadbalancer_rerouted_items", &[("reason", "retry_exhausted")]) > 0.0);
    for endpoint in ["a:4317", "c:4317"] {
        setup.world.kill(endpoint);
    }
    setup.send(60).await.unwrap();
    setup.quiet().await;
    assert_eq!((setup.balance().exported, setup.balance().lost), (180, 180), "given up everywhere");
    assert_eq!(setup.settled.0.lock().unwrap()[&1], [Outcome::Lost("retry_exhausted")]);
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_journal_is_tried_until_a_backend_has_it_and_stays_there_at_the_stop() {
    let setup = Setup::start("{resolver: {static: {hostnames: [a, b, c]}}}", paper).await;
    setup.settled.1.store(true, Ordering::Relaxed);
    for endpoint in ["a:4317", "b:4317", "c:4317"] {
        setup.world.kill(endpoint);
    }
    setup.send(60).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!((setup.balance().in_flight, setup.balance().lost), (180, 0));
    setup.world.revive("b:4317");
    setup.quiet().await;
    assert_eq!((setup.world.at("b:4317"), setup.world.all().len()), (180, 180));
    assert_eq!(setup.settled.0.lock().unwrap()[&0], [Outcome::Exported]);
    setup.world.kill("b:4317");
    setup.send(60).await.unwrap();
    setup.stop().await;
    assert_eq!((setup.balance().in_flight, setup.balance().lost), (180, 0));
    assert!(!setup.settled.0.lock().unwrap().contains_key(&1), "the journal repeats it");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_the_whole_batch() {
    let queue = "sending_queue: {queue_size: 2, num_consumers: 1}";
    let yaml = format!("{{{THREE}, failover_after: 0s, protocol: {{otlp: {{{queue}}}}}}}");
    let setup = Setup::start(&yaml, paper).await;
    setup.world.kill("b:4317");
    let mut refused = 0;
    for _ in 0..10 {
        match setup.send(30).await {
            Ok(()) => {}
            Err(refusal) => {
                assert!(refusal.retry_after.is_some_and(|after| after >= Duration::from_secs(1)));
                refused += 90;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(refused > 0);
    setup.world.revive("b:4317");
    setup.quiet().await;
    let balance = setup.balance();
    assert_eq!((balance.refused, balance.lost), (refused, 0));
    assert_eq!(balance.exported, 900 - refused);
    // Of a refused batch nothing was sent: a client that repeats it doubles nothing.
    let taken: usize = setup.world.taken.lock().unwrap().values().map(Vec::len).sum();
    assert_eq!(taken as i64, balance.exported);
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_in_front_waits_for_room() {
    let inner = "protocol: {otlp: {sending_queue: {queue_size: 1, num_consumers: 1}}}";
    let outer = "sending_queue: {num_consumers: 1}, retry_on_failure: {initial_interval: 100ms}";
    let setup = Setup::start(&format!("{{{THREE}, failover_after: 0s, {inner}, {outer}}}"), paper).await;
    setup.world.kill("b:4317");
    for _ in 0..10 {
        setup.send(30).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(setup.balance().in_flight > 500, "it waits in front");
    setup.world.revive("b:4317");
    setup.quiet().await;
    assert_eq!((setup.balance().exported, setup.balance().lost, setup.world.all().len()), (900, 0, 900));
    setup.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_stop_finds_another_backend() {
    let setup = Setup::start(&format!("{{{THREE}, failover_after: 0s}}"), paper).await;
    setup.world.kill("b:4317");
    for _ in 0..20 {
        setup.send(20).await.unwrap();
    }
    setup.stop().await;
    let balance = setup.balance();
    assert_eq!((balance.exported, balance.lost, balance.in_flight), (1200, 0, 0));
    assert_eq!(setup.world.all().len(), 1200);
    assert_eq!(setup.ctx.memory.held(), 0);
}
