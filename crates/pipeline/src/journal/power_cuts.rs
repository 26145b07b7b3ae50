//! The whole way over disks that lose their power: door, tail sampling, batch, queues, and exporters of which one comes and
//! goes. What was accepted is compared with what arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{
    Batch, BoxFuture, BuildError, Consumer, Ctx, ExportError, Exporter, Extension, Factory, Make, Memory,
    Outlets, Payload, Receiver, Registry, Signal, Telemetry,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::runtime::Runtime;

use super::Journals;
use super::simulated::{Chance, Disks, Faults};
use crate::engine::account::{Accounts, Balance};
use crate::engine::running::Running;
use crate::plan::Plan;
use crate::{extensions, processors};

const CLIENTS: u64 = 4;
/// Of a request.
const TRACES: u64 = 4;
/// Of a trace; the first half comes with one request, the second half with another one.
const EACH: u64 = 4;
const BACKENDS: [&str; 2] = ["backend/steady", "backend/flapping"];
const PATIENCE: Duration = Duration::from_secs(60);

const PLAN: &str = "
receivers: {push: {}}
processors:
  tail_sampling:
    decision_wait: 20ms
    num_shards: 2
    policies: [{name: wanted, type: string_attribute, string_attribute: {key: keep, values: ['yes']}}]
  batch: {timeout: 5ms, send_batch_size: 40}
exporters:
  backend/steady: {retry_on_failure: {initial_interval: 2ms, max_interval: 10ms}}
  backend/flapping: {retry_on_failure: {initial_interval: 2ms, max_interval: 10ms}}
extensions: {journal: {directory: DIRECTORY, max_size_mib: 16, group_wait: 1ms}}
service:
  extensions: [journal]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [push], processors: [tail_sampling, batch], exporters: [backend/steady, backend/flapping]}
";

static PUSH: Factory = Factory {
    name: "push",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Receiver(|_, ctx| Ok(Arc::new(Push(ctx.get().unwrap())))),
};
static BACKEND: Factory = Factory {
    name: "backend",
    aliases: &[],
    signals: &[Signal::Traces],
    check: crate::engine::sending::check,
    make: Make::Exporter(|_, ctx| {
        let nth = BACKENDS.iter().position(|name| *name == &*ctx.id).unwrap();
        Ok(Arc::new(Backend { nth, world: ctx.get().unwrap() }))
    }),
};

/// What outlives the process: clients and backends, and what they know.
struct World {
    chance: Mutex<Chance>,
    life: AtomicUsize,
    /// Both backends take everything.
    calm: AtomicBool,
    outlet: Mutex<Option<Arc<dyn Consumer>>>,
    next: AtomicU64,
    /// In which life each span was.
    accepted: Mutex<BTreeMap<u64, usize>>,
    /// Spans of requests that were refused; they may be on the disk nevertheless.
    refused: Mutex<BTreeSet<u64>>,
    /// In which lives each span was.
    arrived: [Mutex<BTreeMap<u64, Vec<usize>>>; 2],
}

struct Push(Arc<World>);

impl Receiver for Push {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        *self.0.outlet.lock().unwrap() = outlets.traces;
        Box::pin(std::future::ready(Ok(())))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        *self.0.outlet.lock().unwrap() = None;
        Box::pin(std::future::ready(()))
    }
}

struct Backend {
    nth: usize,
    world: Arc<World>,
}

impl Exporter for Backend {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            let flaps = self.nth == 1 && !self.world.calm.load(Ordering::Relaxed);
            let mood = if flaps { self.world.chance.lock().unwrap().below(4) } else { 3 };
            match mood {
                0 | 1 => return Err(ExportError::Retry { why: "away".into(), after: None }),
                2 => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => {}
            }
            let life = self.world.life.load(Ordering::Relaxed);
            let mut arrived = self.world.arrived[self.nth].lock().unwrap();
            for span in numbers(&batch.payload) {
                arrived.entry(span).or_default().push(life);
            }
            Ok(())
        })
    }
}

fn is_wanted(span: u64) -> bool {
    (span / EACH).is_multiple_of(2)
}

fn half_of(first: u64, half: u64) -> impl Iterator<Item = u64> {
    let within = half * EACH / 2..(half + 1) * EACH / 2;
    (first..first + TRACES).flat_map(move |trace| within.clone().map(move |nth| trace * EACH + nth))
}

/// What the policy looks for stands in the first half alone: the second one by itself would be left out.
fn batch(first: u64, half: u64) -> Batch {
    let keep = |n: u64| KeyValue {
        key: "keep".into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(if is_wanted(n) { "yes" } else { "no" }.into())),
        }),
        ..KeyValue::default()
    };
    let span = |n: u64| Span {
        trace_id: u128::from(n / EACH + 1).to_be_bytes().to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        attributes: if n.is_multiple_of(EACH) { vec![keep(n)] } else { Vec::new() },
        ..Span::default()
    };
    let spans: Vec<_> = half_of(first, half).map(span).collect();
    let items = spans.len();
    let scope = ScopeSpans { spans, ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let bytes = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
    Batch::new(Signal::Traces, Payload::from(bytes), items)
}

fn numbers(payload: &Payload) -> Vec<u64> {
    let request = ExportTraceServiceRequest::decode(payload.to_bytes()).unwrap();
    let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    spans.map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap()) - 1).collect()
}

impl World {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            chance: Mutex::new(Chance::new(seed)),
            life: AtomicUsize::new(0),
            calm: AtomicBool::new(false),
            outlet: Mutex::default(),
            next: AtomicU64::new(0),
            accepted: Mutex::default(),
            refused: Mutex::default(),
            arrived: Default::default(),
        })
    }

    fn below(&self, end: usize) -> usize {
        self.chance.lock().unwrap().below(end)
    }

    /// One client: sends the halves of some traces, repeats what is refused; now and then the second half comes when the first
    /// one has been decided.
    async fn send(self: Arc<Self>, requests: u64) {
        for _ in 0..requests {
            let first = self.next.fetch_add(TRACES, Ordering::Relaxed);
            for half in 0..2 {
                while !self.offer(batch(first, half)).await {
                    self.refused.lock().unwrap().extend(half_of(first, half));
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let life = self.life.load(Ordering::Relaxed);
                self.accepted.lock().unwrap().extend(half_of(first, half).map(|span| (span, life)));
                let pause = if self.below(4) == 0 { 30 } else { 1 };
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }

    async fn offer(&self, batch: Batch) -> bool {
        let Some(outlet) = self.outlet.lock().unwrap().clone() else { return false };
        outlet.admit(batch.payload.len()).is_ok() && outlet.consume(batch).await.is_ok()
    }

    /// Accepted spans that a policy keeps and a backend does not have.
    fn missing(&self) -> usize {
        let accepted = self.accepted.lock().unwrap();
        let wanted = || accepted.keys().filter(|span| is_wanted(**span));
        let missing = |arrived: &Mutex<BTreeMap<u64, Vec<usize>>>| {
            let arrived = arrived.lock().unwrap();
            wanted().filter(|span| !arrived.contains_key(span)).count()
        };
        self.arrived.iter().map(missing).sum()
    }

    fn arrivals(&self) -> usize {
        let times = |arrived: &Mutex<BTreeMap<u64, Vec<usize>>>| {
            arrived.lock().unwrap().values().map(Vec::len).sum::<usize>()
        };
        self.arrived.iter().map(times).sum()
    }
}

/// One life of the process.
struct Life {
    runtime: Runtime,
    running: Running,
    ctx: Ctx,
}

impl Life {
    /// Nothing where the power goes before it runs.
    fn start(world: &Arc<World>, disks: &Arc<Disks>, directory: &Path) -> Option<Self> {
        let telemetry = Telemetry::default();
        let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
            .with(Arc::new(Accounts::new(telemetry)))
            .with(Arc::new(Journals::default()))
            .with(Arc::clone(disks))
            .with(Arc::clone(world));
        let registry = Registry::new([
            PUSH,
            BACKEND,
            processors::tail_sampling::FACTORY,
            processors::batch::FACTORY,
            extensions::journal::FACTORY,
        ]);
        let yaml = PLAN.replace("DIRECTORY", &directory.display().to_string());
        let (plan, findings) = Plan::of(&Node::load("cuts.yaml", &yaml).unwrap(), &registry);
        let plan = plan.unwrap_or_else(|| panic!("{findings:?}"));
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        match runtime.block_on(Running::start(&plan, &ctx)) {
            Ok(running) => Some(Self { runtime, running, ctx }),
            Err(error) => {
                assert!(disks.any_is_dead(), "{error}");
                end(runtime, &ctx);
                None
            }
        }
    }

    fn balances(&self) -> Vec<Balance> {
        self.ctx.get::<Accounts>().unwrap().balances()
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let wait = async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let timely = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, wait).await });
        assert!(timely.is_ok(), "{what}: {:?}", self.balances());
    }

    /// Ends well; nothing is unaccounted for.
    fn stop(mut self) -> Vec<Balance> {
        self.runtime.block_on(self.running.stop());
        let balances = self.balances();
        for balance in &balances {
            assert_eq!((balance.difference(), balance.lost, balance.in_flight), (0, 0, 0), "{balance:?}");
        }
        balances
    }
}

/// All tasks end where they are; no thread of this life is left that could write after the power is back.
fn end(runtime: Runtime, ctx: &Ctx) {
    runtime.shutdown_timeout(PATIENCE);
    let home = ctx.get::<Journals>().unwrap().state().journal.clone();
    let after = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    home.iter().for_each(|home| after.block_on(home.stop()));
}

/// Scenario: under load the power goes at random calls of the disks, in the middle of a start now and then; what was not
/// synced is lost or torn, writes and syncs fail; one backend is away by turns. Traces come in two halves, of which the
/// first one tells whether they are wanted. Then all is well.
/// Guarantees: every accepted span of a wanted trace is at both backends, no span of another one ever is; what comes more
/// than once was accepted before a cut or refused before; the law closes, and nothing comes again.
#[test]
fn no_power_cut_loses_a_span_that_a_policy_keeps() {
    for seed in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let world = World::new(seed);
        let faults = if seed % 2 == 0 {
            Faults::default()
        } else {
            Faults { write: 0.01, sync: 0.01, ..Faults::default() }
        };
        let disks = Arc::new(Disks::new(seed, faults));
        let mut cuts = 0;
        for life in 0..8 {
            world.life.store(life, Ordering::Relaxed);
            if world.below(4) == 0 {
                disks.light(world.below(12));
            }
            let Some(running) = Life::start(&world, &disks, directory.path()) else {
                disks.restart();
                continue;
            };
            for _ in 0..CLIENTS {
                running.runtime.spawn(Arc::clone(&world).send(u64::MAX));
            }
            disks.light(50 + world.below(250));
            running.until("the power does not go", || disks.any_is_dead());
            disks.die();
            let Life { runtime, running, ctx } = running;
            end(runtime, &ctx);
            drop(running);
            disks.restart();
            cuts += 1;
        }

        disks.quiet();
        world.calm.store(true, Ordering::Relaxed);
        let last = 8;
        world.life.store(last, Ordering::Relaxed);
        let life = Life::start(&world, &disks, directory.path()).unwrap();
        let clients: Vec<_> = (0..CLIENTS).map(|_| life.runtime.spawn(Arc::clone(&world).send(5))).collect();
        clients.into_iter().for_each(|client| life.runtime.block_on(client).unwrap());
        life.until("accepted spans are missing", || world.missing() == 0);
        let closed = |balance: &Balance| balance.in_flight == 0 && balance.difference() == 0;
        life.until("the law does not close", || life.balances().iter().all(closed));
        life.stop();

        let accepted = world.accepted.lock().unwrap().clone();
        let refused = world.refused.lock().unwrap().clone();
        let mut again = [0, 0];
        for (arrived, again) in world.arrived.iter().zip(&mut again) {
            for (span, lives) in &*arrived.lock().unwrap() {
                assert!(is_wanted(*span), "seed {seed}: span {span} was left out, and came");
                *again += usize::from(lives.len() > 1);
                if !refused.contains(span) {
                    let once: BTreeSet<_> = lives.iter().collect();
                    assert_eq!(once.len(), lives.len(), "seed {seed}: span {span} twice in a life");
                    assert!(
                        lives.len() == 1 || lives[0] < last && accepted.get(span) != Some(&last),
                        "seed {seed}: span {span} came again without a cut: {lives:?}"
                    );
                }
            }
        }
        let before = accepted.values().filter(|life| **life < last).count();
        println!("seed {seed}: {cuts} cuts, {before} spans accepted before them, {again:?} came again");
        assert!(cuts > 3 && before > 500, "{cuts} cuts, {before} spans");

        let arrivals = world.arrivals();
        world.life.store(last + 1, Ordering::Relaxed);
        let balances = Life::start(&world, &disks, directory.path()).unwrap().stop();
        assert!(balances.iter().all(|balance| balance.received == 0), "seed {seed}: {balances:?}");
        assert_eq!(world.arrivals(), arrivals, "seed {seed}: nothing comes again");
    }
}
