//! The journal through a plan from YAML, over real sockets, with exporters that are away; and what a restart finds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::config::Node;
use flow::{
    Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal,
};
use flow::{Payload, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::engine::account::{Accounts, Balance};
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::{extensions, processors, receivers};
use prost::Message;

use crate::client::{Answer, PROTOBUF, http, post};

/// What stands behind the exporters, over several lives of the process.
#[derive(Default)]
struct Backends {
    away: BTreeMap<&'static str, AtomicBool>,
    /// How often each number came, and from whom, by exporter.
    arrived: Mutex<BTreeMap<String, BTreeMap<u64, Vec<String>>>>,
}

impl Backends {
    fn new(names: &[&'static str]) -> Arc<Self> {
        let away = names.iter().map(|name| (*name, AtomicBool::new(false))).collect();
        Arc::new(Self { away, arrived: Mutex::default() })
    }

    fn set_away(&self, name: &str, away: bool) {
        self.away[name].store(away, Ordering::Relaxed);
    }

    fn arrived(&self, name: &str) -> BTreeMap<u64, Vec<String>> {
        self.arrived.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    async fn wait_for(&self, name: &str, count: u64) {
        let all = async {
            while (self.arrived(name).len() as u64) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), all).await;
        waited.unwrap_or_else(|_| panic!("{name}: {} of {count}", self.arrived(name).len()));
    }
}

static BACKEND: Factory = Factory {
    name: "backend",
    aliases: &[],
    signals: &Signal::ALL,
    check: pipeline::engine::sending::check,
    make: Make::Exporter(|_, ctx| {
        let backends = ctx.get::<Backends>().ok_or_else(|| BuildError::new(&ctx.id, "no backends"))?;
        Ok(Arc::new(ToBackend { id: ctx.id.to_string(), backends }))
    }),
};

struct ToBackend {
    id: String,
    backends: Arc<Backends>,
}

impl Exporter for ToBackend {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            if self.backends.away[&*self.id].load(Ordering::Relaxed) {
                return Err(ExportError::Retry { why: "away".into(), after: None });
            }
            let tenant = batch.client.header("x-tenant").collect::<Vec<_>>().join(",");
            let mut arrived = self.backends.arrived.lock().unwrap();
            let arrived = arrived.entry(self.id.clone()).or_default();
            for number in numbers(&batch.payload) {
                arrived.entry(number).or_default().push(tenant.clone());
            }
            Ok(())
        })
    }
}

/// One life of the process.
struct Life {
    ctx: Ctx,
    running: Running,
}

impl Life {
    async fn start(yaml: &str, directory: &Path, backends: &Arc<Backends>) -> Self {
        let telemetry = Telemetry::default();
        let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
            .with(Arc::new(Addresses::default()))
            .with(Arc::new(Accounts::new(telemetry)))
            .with(Arc::clone(backends));
        let yaml = yaml.replace("DIRECTORY", &directory.display().to_string());
        let (plan, findings) = Plan::of(&Node::load("journal.yaml", &yaml).unwrap(), &registry());
        let plan = plan.unwrap_or_else(|| panic!("{findings:?}"));
        let running = Running::start(&plan, &ctx).await.unwrap();
        Self { ctx, running }
    }

    fn address(&self) -> SocketAddr {
        self.ctx.get::<Addresses>().unwrap().of("otlp", "http").unwrap()
    }

    async fn send(&self, number: u64, bytes: usize) -> Answer {
        let tenant = ("x-tenant", ["acme", "b"][number as usize % 2]);
        http(self.address(), post(&[PROTOBUF, tenant], request(number, bytes))).await
    }

    async fn accepted(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            // All together more than is read back at once.
            assert_eq!(self.send(number, 100_000).await.status, 200);
        }
    }

    fn balances(&self) -> Vec<Balance> {
        self.ctx.get::<Accounts>().unwrap().balances()
    }

    /// Of the counters of this name that have such a label, all together.
    fn count(&self, name: &str, label: &str) -> f64 {
        let families = self.ctx.telemetry.registry().gather();
        let all =
            families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
        let labelled = all.filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
        labelled.map(|metric| metric.get_counter().get_value()).sum()
    }

    async fn quiet(&self) {
        let quiet = |balance: &Balance| balance.in_flight == 0 && balance.difference() == 0;
        while !self.balances().iter().all(quiet) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends well; nothing is unaccounted for.
    async fn stop(mut self) -> Vec<Balance> {
        self.running.stop().await;
        let balances = self.balances();
        for balance in &balances {
            assert_eq!((balance.difference(), balance.lost), (0, 0), "{balance:?}");
        }
        assert_eq!(self.ctx.memory.held(), 0, "nothing is held");
        balances
    }
}

fn registry() -> Registry {
    Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        extensions::journal::FACTORY,
        extensions::file_storage::FACTORY,
        BACKEND,
    ])
}

/// A request with one span, which has a number and so many bytes of text.
fn request(number: u64, bytes: usize) -> Vec<u8> {
    let span = Span {
        trace_id: vec![7; 16],
        span_id: (number + 1).to_be_bytes().to_vec(),
        name: "x".repeat(bytes),
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

fn numbers(payload: &Payload) -> Vec<u64> {
    let request = ExportTraceServiceRequest::decode(payload.to_bytes()).unwrap();
    let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    spans.map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap()) - 1).collect()
}

const RETRY: &str = "retry_on_failure: {initial_interval: 5ms, max_interval: 20ms}";

fn one_exporter() -> String {
    format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0', include_metadata: true}}}}}}}}
processors: {{memory_limiter: {{check_interval: 1s, limit_mib: 4000}}, batch: {{timeout: 5ms, metadata_keys: [x-tenant]}}}}
exporters: {{backend/a: {{{RETRY}}}}}
extensions: {{journal: {{directory: DIRECTORY}}}}
service:
  extensions: [journal]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [backend/a]}}}}
"
    )
}

fn two_exporters() -> String {
    one_exporter()
        .replace("exporters: {backend/a: {", &format!("exporters: {{backend/b: {{{RETRY}}}, backend/a: {{"))
        .replace("exporters: [backend/a]", "exporters: [backend/a, backend/b]")
}

/// Scenario: the backend is away, requests are accepted, the process ends and starts again; then the backend is back.
/// Guarantees: everything arrives once, with the metadata of the client that sent it, and the law closes in both lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_delivered_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a"]);
    backends.set_away("backend/a", true);
    let life = Life::start(&one_exporter(), directory.path(), &backends).await;
    life.accepted(0..50).await;
    let documented = include_str!("../../../../docs/telemetry.md");
    for family in life.ctx.telemetry.registry().gather() {
        assert!(documented.contains(&format!("`{}`", family.name())), "not documented: {}", family.name());
    }
    let [balance] = life.stop().await.try_into().unwrap();
    assert_eq!((balance.received, balance.in_flight, balance.exported), (50, 50, 0), "it waits on the disk");

    backends.set_away("backend/a", false);
    let life = Life::start(&one_exporter(), directory.path(), &backends).await;
    life.accepted(50..60).await;
    backends.wait_for("backend/a", 60).await;
    life.quiet().await;
    let arrived = backends.arrived("backend/a");
    assert!(
        arrived.iter().all(|(number, from)| *from == [["acme", "b"][*number as usize % 2]]),
        "{arrived:?}"
    );
    let [balance] = life.stop().await.try_into().unwrap();
    assert_eq!((balance.received, balance.exported), (60, 60));

    let life = Life::start(&one_exporter(), directory.path(), &backends).await;
    let [balance] = life.stop().await.try_into().unwrap();
    assert_eq!(balance.received, 0, "nothing comes again");
}

/// Scenario: one of two backends is away; the process ends and starts again.
/// Guarantees: the other one gets everything at once, and nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_is_away_holds_up_nobody_and_a_restart_repeats_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a", "backend/b"]);
    backends.set_away("backend/b", true);
    let life = Life::start(&two_exporters(), directory.path(), &backends).await;
    life.accepted(0..40).await;
    backends.wait_for("backend/a", 40).await;
    life.stop().await;
    assert_eq!(backends.arrived("backend/b").len(), 0);

    backends.set_away("backend/b", false);
    let life = Life::start(&two_exporters(), directory.path(), &backends).await;
    backends.wait_for("backend/b", 40).await;
    life.quiet().await;
    life.stop().await;
    for name in ["backend/a", "backend/b"] {
        assert!(backends.arrived(name).values().all(|times| times.len() == 1), "{name}");
    }
}

/// Scenario: the backend is away while far more is accepted than memory may hold.
/// Guarantees: memory stays within bounds, nobody is refused, and everything arrives once when the backend is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_backend_waits_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a", "backend/b"]);
    backends.set_away("backend/b", true);
    let life = Life::start(&two_exporters(), directory.path(), &backends).await;
    for number in 0..160 {
        assert_eq!(life.send(number, 1 << 20).await.status, 200);
        let held = life.ctx.memory.held();
        assert!(held < 96 << 20, "{held} bytes held after {number} MiB");
    }
    backends.wait_for("backend/a", 160).await;
    backends.set_away("backend/b", false);
    backends.wait_for("backend/b", 160).await;
    life.quiet().await;
    for name in ["backend/a", "backend/b"] {
        assert!(backends.arrived(name).values().all(|times| times.len() == 1), "{name}");
    }
    life.stop().await;
}

/// Scenario: the backend is away until the journal is as large as it may be.
/// Guarantees: clients are refused, and told when to come back; what was accepted arrives, and then there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_journal_refuses_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a"]);
    backends.set_away("backend/a", true);
    let yaml = one_exporter().replace("DIRECTORY}", "DIRECTORY, max_size_mib: 24}");
    let life = Life::start(&yaml, directory.path(), &backends).await;
    let mut accepted = 0;
    let refused = loop {
        let answer = life.send(accepted, 1 << 20).await;
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
    };
    assert!((12..80).contains(&accepted), "{accepted} MiB");
    assert_eq!(refused.status, 503);
    let after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");

    backends.set_away("backend/a", false);
    backends.wait_for("backend/a", accepted).await;
    let again = async {
        while life.send(accepted, 10).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("no room again");
    backends.wait_for("backend/a", accepted + 1).await;
    life.quiet().await;
    life.stop().await;
}

/// Scenario: the backend is away, and more waits for it than its queue has memory for; the process ends. It starts again
/// with a `max_age` that all of that is older than; then once more.
/// Guarantees: what is too old is given up at the door and at the queue, counted with its reason, and reaches nobody; the
/// law closes, and nothing of it comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_old_is_given_up_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a"]);
    backends.set_away("backend/a", true);
    let life = Life::start(&one_exporter(), directory.path(), &backends).await;
    for number in 0..40 {
        assert_eq!(life.send(number, 1 << 20).await.status, 200);
    }
    // Beyond 16 MiB the exporter's queue has a log of its own.
    let queued = async {
        while life.count("throughline_journal_written_bytes", "exporters/backend/a") < 1.0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), queued).await.expect("nothing overflows");
    life.stop().await;

    backends.set_away("backend/a", false);
    // A millisecond is over for sure once a later one has begun.
    let begun = std::time::SystemTime::now();
    while begun.elapsed().unwrap() < Duration::from_millis(2) {
        tokio::task::yield_now().await;
    }
    let yaml = one_exporter().replace("DIRECTORY}", "DIRECTORY, max_age: 1ms}");
    let mut life = Life::start(&yaml, directory.path(), &backends).await;
    for log in ["pipelines/traces", "exporters/backend/a"] {
        assert!(life.count("throughline_journal_restored_entries", log) > 0.0, "{log}");
    }
    let given_up = async {
        while life.balances()[0].lost < 40 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_up).await.expect("it is not given up");
    life.quiet().await;
    life.running.stop().await;
    let [balance] = life.balances().try_into().unwrap();
    assert_eq!((balance.received, balance.lost, balance.exported), (40, 40, 0));
    assert_eq!((balance.in_flight, balance.difference()), (0, 0));
    assert_eq!(life.count("throughline_exporter_lost_items", "expired"), 40.0);
    assert!(backends.arrived("backend/a").is_empty(), "it was given up");
    assert_eq!(life.ctx.memory.held(), 0);

    let life = Life::start(&one_exporter(), directory.path(), &backends).await;
    let [balance] = life.stop().await.try_into().unwrap();
    assert_eq!((balance.received, balance.in_flight), (0, 0), "nothing comes again");
}

/// Scenario: no journal, but a queue with `storage: file_storage`, as the collector has it; the backend is away.
/// Guarantees: what is queued is delivered after a restart, once; more than `queue_size` is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_queue_survives_a_restart() {
    let yaml = one_exporter()
        .replace(
            "journal: {directory: DIRECTORY}",
            "file_storage: {directory: DIRECTORY/q, create_directory: true}",
        )
        .replace("[journal]", "[file_storage]")
        .replace(
            "exporters: {backend/a: {",
            "exporters: {backend/a: {sending_queue: {storage: file_storage, queue_size: 30}, ",
        )
        .replace("processors: [memory_limiter, batch]", "processors: [memory_limiter]");
    let directory = tempfile::tempdir().unwrap();
    let backends = Backends::new(&["backend/a"]);
    backends.set_away("backend/a", true);
    let life = Life::start(&yaml, directory.path(), &backends).await;
    let mut accepted = 0;
    while life.send(accepted, 10).await.status == 200 {
        accepted += 1;
    }
    assert!((30..=50).contains(&accepted), "{accepted}: 30 that wait, and 10 that are being tried");
    life.stop().await;

    backends.set_away("backend/a", false);
    let life = Life::start(&yaml, directory.path(), &backends).await;
    backends.wait_for("backend/a", accepted).await;
    life.quiet().await;
    let arrived = backends.arrived("backend/a");
    assert!(
        arrived.iter().all(|(number, from)| *from == [["acme", "b"][*number as usize % 2]]),
        "{arrived:?}"
    );
    let [balance] = life.stop().await.try_into().unwrap();
    assert_eq!((balance.received, balance.exported), (accepted as i64, accepted as i64));
}

/// Scenario: settings of both extensions, and references to them, that cannot work.
/// Guarantees: each is named before anything starts.
#[test]
fn what_cannot_work_is_named() {
    let yaml = one_exporter()
        .replace(
            "{journal: {directory: DIRECTORY}}",
            "{journal: {max_size_mib: 4, group_wait: 2s, max_age: 1h}, journal/2: {directory: /b}, \
             file_storage: {directory: '', fsync: false, compaction: {on_start: true}}}",
        )
        .replace("[journal]", "[journal, journal/2, file_storage]")
        .replace("backend/a: {", "backend/a: {sending_queue: {storage: journal, wait_for_result: true}, ");
    let (plan, findings) = Plan::of(&Node::load("c.yaml", &yaml).unwrap(), &registry());
    assert!(plan.is_none());
    let said: Vec<_> =
        findings.iter().map(|finding| format!("{}: {}\n", finding.path, finding.message)).collect();
    expect_test::expect![[r#"
        processors::batch::timeout: sending after 5ms makes many small requests, which backends throttle
        exporters::backend/a::sending_queue::storage: `journal` is not an extension that stores
        exporters::backend/a::sending_queue::wait_for_result: does not go with `storage`
        extensions::journal: `directory` is missing
        extensions::journal::max_size_mib: less than 16
        extensions::journal::group_wait: longer than a second: every client waits for it
        extensions::journal::max_age: what is older is given up, though a client was told that it is safe
        extensions::file_storage::directory: `directory` is empty
        extensions::file_storage::fsync: every batch is synced before it counts as queued
        extensions::file_storage::compaction: has no effect: segments of a log need none of it
        service::extensions::1: `journal/2` is a second journal
    "#]]
    .assert_eq(&said.concat());
}
