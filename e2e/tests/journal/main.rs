//! The promise of the journal, kept by the binary: 2xx means that a span is safe.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and long ones say how far they are"
)]

mod tail;
mod full;
mod reload;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use e2e::{Product, Run};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use sim::format::Format;
use sim::load::{Connection, Reply, Target};
use sim::sink::{Behaviour, Options, Received, Sink};
use tokio::task::JoinSet;

const SPANS: u64 = 20;
const CLIENTS: usize = 8;

/// A number from the environment, for longer runs.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

struct Setup {
    config: PathBuf,
    /// Of the journal; 0 is no limit.
    limit_mib: u64,
    steady: Sink,
    flapping: Sink,
    directory: tempfile::TempDir,
    /// The first span of the next request.
    next: Arc<AtomicU64>,
    accepted: Arc<Mutex<BTreeSet<u64>>>,
    /// How many requests each backend had when a life of the process began.
    lives: Mutex<Vec<[usize; 2]>>,
    /// Spans that were known to be settled on disk, and the life at whose end that was.
    settled: Mutex<Vec<(usize, BTreeSet<u64>)>>,
}

impl Setup {
    /// With a file of this folder, or one that is elsewhere.
    async fn new(config: impl AsRef<Path>) -> Self {
        Self {
            config: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal").join(config),
            limit_mib: 4096,
            steady: Sink::start(Options::default().keeping()).await.unwrap(),
            flapping: Sink::start(Options::default().keeping()).await.unwrap(),
            directory: tempfile::tempdir().unwrap(),
            next: Arc::default(),
            accepted: Arc::default(),
            lives: Mutex::default(),
            settled: Mutex::default(),
        }
    }

    async fn start(&self) -> Product {
        self.lives.lock().unwrap().push([&self.steady, &self.flapping].map(|sink| sink.received().len()));
        let run = Run::file(&self.config)
            .env("STEADY", self.steady.address().to_string())
            .env("FLAPPING", self.flapping.address().to_string())
            .env("JOURNAL", self.directory.path().to_string_lossy())
            .set("extensions::journal::max_size_mib", self.limit_mib);
        run.start().await.unwrap()
    }

    /// Sends for as long as the clients live, half of them by gRPC, with a pause after each answer; notes what was accepted.
    fn load(&self, product: &Product, pause: Duration) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (address, format) = match client % 2 {
                0 => (product.http, Format::Protobuf),
                _ => (product.grpc, Format::Grpc),
            };
            let (next, accepted) = (Arc::clone(&self.next), Arc::clone(&self.accepted));
            clients.spawn(async move {
                let target = Target { address, format, gzip: false };
                let Ok(mut connection) = Connection::open(&target).await else { return };
                loop {
                    let first = next.fetch_add(SPANS, Ordering::Relaxed);
                    match connection.send(request(first, format)).await {
                        Reply::Accepted { rejected: 0 } => {
                            accepted.lock().unwrap().extend(first..first + SPANS);
                            tokio::time::sleep(pause).await;
                        }
                        Reply::Busy { .. } => tokio::time::sleep(Duration::from_millis(20)).await,
                        _ => return,
                    }
                }
            });
        }
        clients
    }

    fn accepted(&self) -> BTreeSet<u64> {
        self.accepted.lock().unwrap().clone()
    }

    /// One backend gets into another mood.
    fn flap(&self, chance: &mut Chance) {
        self.flapping.set(match chance.below(5) {
            0 => Behaviour::status(503, None),
            1 => Behaviour::hang(),
            2 => Behaviour::refuse(),
            3 => Behaviour::status(503, Some(1)).every(2),
            _ => Behaviour::default(),
        });
    }

    async fn nothing_comes_again(&self) {
        let came = (self.steady.spans(), self.flapping.spans());
        let product = self.start().await;
        product.stop().await.unwrap();
        assert_eq!((self.steady.spans(), self.flapping.spans()), came, "nothing comes again");
    }

    /// Without load: waits until everything wanted is delivered, and all of it is settled on disk. Nothing of that may come again,
    /// even after a kill.
    async fn settle(&self, product: &Product, is_wanted: impl Fn(u64) -> bool) {
        self.flapping.set(Behaviour::default());
        let accepted = self.accepted();
        let wanted = accepted.iter().copied().filter(|span| is_wanted(*span)).collect();
        self.delivered(product, &wanted).await;
        quiet(product).await;
        for log in ["pipelines/traces", "exporters/otlphttp/steady", "exporters/otlphttp/flapping"] {
            let entries = format!("throughline_journal_entries{{log=\"{log}\"}}");
            product.wait_for_metric(&entries, 0.0).await.unwrap();
        }
        let life = self.lives.lock().unwrap().len();
        self.settled.lock().unwrap().push((life, accepted));
    }

    /// In which lives each span came.
    fn arrivals(&self) -> [BTreeMap<u64, Vec<usize>>; 2] {
        let lives = self.lives.lock().unwrap().clone();
        let of = |sink: &Sink, nth: usize| {
            let mut arrivals: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            for (at, received) in sink.received().iter().enumerate() {
                let life = lives.iter().filter(|life| life.get(nth).is_some_and(|had| *had <= at)).count();
                for span in numbers(received) {
                    arrivals.entry(span).or_default().push(life);
                }
            }
            arrivals
        };
        [of(&self.steady, 0), of(&self.flapping, 1)]
    }

    /// How many spans came more than once to each backend: only those that could be unsettled when the process was killed.
    fn repeated(&self) -> [usize; 2] {
        let (arrivals, settled) = (self.arrivals(), self.settled.lock().unwrap());
        assert!(!settled.is_empty(), "nothing is known to be settled");
        for (backend, arrivals) in ["steady", "flapping"].into_iter().zip(&arrivals) {
            for (life, spans) in &*settled {
                let later = |span: &&u64| arrivals.get(span).is_some_and(|lives| lives.last() > Some(life));
                let again = spans.iter().filter(later).count();
                assert_eq!(
                    again,
                    0,
                    "of {} spans settled in life {life}, at the {backend} backend",
                    spans.len()
                );
            }
        }
        // No request to this one fails, so that only another life has a reason to repeat it.
        let [steady, _] = &arrivals;
        for (span, lives) in steady {
            assert!(lives.is_sorted_by(|a, b| a < b), "span {span} came twice in one life: {lives:?}");
        }
        arrivals.each_ref().map(|arrivals| arrivals.values().filter(|lives| lives.len() > 1).count())
    }

    /// Waits until all of these are at both backends; then how often each span is there.
    async fn delivered(&self, product: &Product, accepted: &BTreeSet<u64>) -> [BTreeMap<u64, usize>; 2] {
        let wait = async {
            loop {
                let came = [times(&self.steady), times(&self.flapping)];
                let missing: Vec<_> = came
                    .iter()
                    .map(|came| accepted.iter().filter(|n| !came.contains_key(n)).count())
                    .collect();
                if missing == [0, 0] {
                    return came;
                }
                println!("missing {missing:?} of {}", accepted.len());
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(number("JOURNAL_PATIENCE", 120)), wait).await;
        if let Ok(came) = waited {
            return came;
        }
        let metrics = e2e::product::get(product.metrics, "/metrics").await.unwrap().body;
        let own: Vec<_> = metrics.lines().filter(|line| line.starts_with("throughline_")).collect();
        panic!("accepted spans are missing; it said:\n{}\n{}", product.log(), own.join("\n"));
    }
}

/// Waits until nothing is under way any more, and nothing unaccounted for.
async fn quiet(product: &Product) {
    for exporter in ["otlphttp/steady", "otlphttp/flapping"] {
        let of = |name: &str| format!("{name}{{exporter=\"{exporter}\",pipeline=\"traces\"}}");
        product.wait_for_metric(&of("throughline_pipeline_in_flight_items"), 0.0).await.unwrap();
        product.wait_for_metric(&of("throughline_pipeline_unaccounted_items"), 0.0).await.unwrap();
    }
}

/// The same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn request(first: u64, format: Format) -> Bytes {
    let span = |n: u64| Span {
        trace_id: vec![9; 16],
        span_id: (n + 1).to_be_bytes().to_vec(),
        name: "GET /customers/{id}".to_owned(),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        ..Span::default()
    };
    let scope = ScopeSpans { spans: (first..first + SPANS).map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let message = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
    if format == Format::Grpc { sim::grpc::frame(&message, false) } else { message.into() }
}

/// How often each span came.
fn times(sink: &Sink) -> BTreeMap<u64, usize> {
    let mut times = BTreeMap::new();
    for span in sink.received().iter().flat_map(numbers) {
        *times.entry(span).or_insert(0) += 1;
    }
    times
}

fn numbers(received: &Received) -> Vec<u64> {
    let request = received.traces().unwrap();
    let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    spans.map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap()) - 1).collect()
}

/// Scenario: SIGKILL at random moments under load, while one backend answers, hangs, refuses and is not there by turns.
/// Guarantees: every span whose request was answered with success arrives at both backends; the journal opens each time;
/// what comes twice was not settled at a kill; in the end nothing is unaccounted for, and a restart repeats nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_loses_an_accepted_span() {
    let setup = Setup::new("journal.yaml").await;
    let kills = number("JOURNAL_KILLS", 20);
    let mut chance = Chance(number("JOURNAL_SEED", 7));
    for kill in 0..kills {
        let product = setup.start().await;
        let mut clients = setup.load(&product, Duration::from_millis(1));
        setup.flap(&mut chance);
        tokio::time::sleep(Duration::from_millis(100 + chance.below(600))).await;
        if kill == kills / 2 {
            clients.shutdown().await;
            setup.settle(&product, |_| true).await;
        }
        product.kill().await.unwrap();
        clients.shutdown().await;
        println!("kill {kill}: {} spans accepted so far", setup.accepted().len());
    }
    setup.flapping.set(Behaviour::default());
    let product = setup.start().await;
    let [steady, flapping] = setup.delivered(&product, &setup.accepted()).await;
    quiet(&product).await;
    product.stop().await.unwrap();

    let offered = setup.next.load(Ordering::Relaxed);
    let accepted = setup.accepted();
    let again = setup.repeated();
    println!(
        "{kills} kills, {} spans accepted, {} came twice at the steady backend, {} at the flapping one",
        accepted.len(),
        again[0],
        again[1]
    );
    assert!(accepted.len() as u64 > kills * SPANS, "there was load");
    assert!(steady.keys().chain(flapping.keys()).all(|n| *n < offered), "nothing came that was not sent");
    setup.nothing_comes_again().await;
}

/// Scenario: a backend is not there for a while (`JOURNAL_OUTAGE_SECONDS`), under load.
/// Guarantees: nobody is refused, the other backend gets everything meanwhile, and after the outage so does this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_made_up_for() {
    let setup = Setup::new("journal.yaml").await;
    let product = setup.start().await;
    setup.flapping.set(Behaviour::refuse());
    let mut clients = setup.load(&product, Duration::from_millis(20));
    tokio::time::sleep(Duration::from_secs(number("JOURNAL_OUTAGE_SECONDS", 3))).await;
    clients.shutdown().await;
    let accepted = setup.accepted().len() as u64;
    println!("{accepted} spans accepted during the outage");
    setup.steady.wait_for(accepted, Duration::from_secs(30)).await.unwrap();
    assert_eq!(setup.flapping.spans(), 0);
    setup.flapping.set(Behaviour::default());
    let [steady, flapping] = setup.delivered(&product, &setup.accepted()).await;
    assert!(steady.values().chain(flapping.values()).all(|times| *times == 1), "and once");
    product.stop().await.unwrap();
}
