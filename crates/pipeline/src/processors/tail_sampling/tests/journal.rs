//! With a journal in front: what comes again follows what was decided, and nothing is decided that may still change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flow::{Batch, Ctx, Extension, Memory, Payload, Signal, Telemetry};
use opentelemetry_proto::tonic::trace::v1::Span;

use super::processor::Setup;
use super::spans::{With, request, span};
use crate::journal::{Journals, Keeping, Stream};

const SOON: &str = "decision_wait: 20ms
num_shards: 2
policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}]";
const LATER: &str = "decision_wait: 1h
policies: [{name: slow, type: latency, latency: {threshold_ms: 1000}}]";
/// Decides to keep as soon as it can.
const AT_ONCE: &str = "decision_wait: 1h
sampling_strategy: span-ingest
policies: [{name: keep, type: string_attribute, string_attribute: {key: keep, values: [\"yes\"]}}]";

/// One run of a process, in a directory.
struct Life {
    setup: Setup,
    home: Arc<dyn Extension>,
    stream: Arc<Stream>,
}

impl Life {
    async fn start(directory: &Path, yaml: &str) -> Self {
        let journals = Arc::new(Journals::default());
        let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("journal");
        let keeping = Keeping {
            directory: directory.to_owned(),
            create: true,
            max_size: 16 << 20,
            max_age: Duration::ZERO,
            patience: Duration::from_millis(1),
        };
        let home = journals.set_journal(&ctx, keeping).unwrap();
        let stream = journals.pipeline("traces", &[Arc::from("out")]).unwrap().unwrap();
        // The processor is made before the journal is open.
        let setup = Setup::within(yaml, |ctx| ctx.with(journals));
        home.start().await.unwrap();
        stream.begin();
        Self { setup, home, stream }
    }

    /// Accepts a request and hands it to the processor.
    async fn accept(&self, spans: Vec<Span>) {
        let items = spans.len();
        let batch = Batch::new(Signal::Traces, Payload::from(request(spans)), items);
        self.stream.append(Batch { pipeline: "traces".into(), ..batch }).await.unwrap();
        self.carry().await;
    }

    /// Hands what is next in the journal to the processor.
    async fn carry(&self) {
        let taken = self.stream.next().await.unwrap();
        self.setup.tail.consume(taken.batch).await.unwrap();
    }

    async fn wait_until(&self, done: impl Fn(&Setup) -> bool) {
        let wait = async {
            while !done(&self.setup) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nothing happens");
    }

    async fn end(self) {
        self.stream.close();
        self.setup.tail.drain(flow::Drain::default()).await;
        self.home.stop().await;
    }
}

/// Scenario: a trace is kept and one is left out; the exporter has not confirmed when the process ends. Then the second
/// half of each trace comes, which alone would be decided the other way round.
/// Guarantees: the next run follows what was decided, for spans that come again and for new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_outlive_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let life = Life::start(directory.path(), SOON).await;
    life.accept(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]).await;
    life.wait_until(|setup| setup.taker.spans() == 1 && setup.tail.in_flight() == 0).await;
    life.end().await;

    let life = Life::start(directory.path(), LATER).await;
    life.accept(vec![span(1, 3), span(2, 4).lasting(1_000, 3_000)]).await;
    life.carry().await;
    // At once: nothing waits for a decision.
    life.wait_until(|setup| setup.taker.spans() == 2 && setup.tail.in_flight() == 0).await;
    life.setup.taker.settle();
    life.end().await;

    let life = Life::start(directory.path(), LATER).await;
    assert_eq!(life.stream.live(), 0, "all was settled");
    life.end().await;
}

/// Scenario: decisions cannot be noted, since the journal's disk takes nothing.
/// Guarantees: they are not followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_noted_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let life = Life::start(directory.path(), SOON).await;
    life.accept(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]).await;
    life.home.stop().await;
    life.wait_until(|setup| setup.decided() == 2).await;
    assert_eq!((life.setup.taker.spans(), life.setup.tail.in_flight()), (0, 2));
}

/// Scenario: another sampler takes the place of this one while traces are pending, and the process goes on.
/// Guarantees: they are decided now, since the journal brings them again in another process only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_leaves_nothing_in_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let life = Life::start(directory.path(), LATER).await;
    life.accept(vec![span(1, 1).lasting(1_000, 3_000), span(2, 2)]).await;
    life.setup.tail.drain(flow::Drain { at_stop: false, ..flow::Drain::default() }).await;
    assert_eq!((life.setup.taker.spans(), life.setup.tail.in_flight()), (1, 0));
    life.end().await;
}

/// Scenario: the process stops while traces are pending.
/// Guarantees: they are not decided with half of their spans, hold no memory, and come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_leaves_pending_traces_in_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let life = Life::start(directory.path(), LATER).await;
    life.accept(vec![span(1, 1), span(2, 2)]).await;
    let (memory, tail) = (Arc::clone(&life.setup.memory), Arc::clone(&life.setup.tail));
    life.end().await;
    assert_eq!(tail.in_flight(), 2, "neither delivered nor lost");
    drop(tail);
    assert!(memory.held() < 16 << 10, "{}", memory.held());

    let life = Life::start(directory.path(), AT_ONCE).await;
    life.carry().await;
    life.accept(vec![span(1, 3).text("keep", "yes")]).await;
    life.wait_until(|setup| setup.taker.spans() == 2 && setup.tail.in_flight() == 1).await;
    life.end().await;
}

/// Scenario: of two traces that come again, one exporter has the first already.
/// Guarantees: they do not travel together, so that nobody gets twice what he has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_for_different_exporters_do_not_travel_together() {
    let setup = Setup::within(SOON, |ctx| ctx);
    for (trace, already) in [(1, vec![Arc::from("a")]), (2, Vec::new()), (3, vec![Arc::from("a")])] {
        let spans = request(vec![span(trace, 1).lasting(1_000, 3_000)]);
        let batch = Batch::new(Signal::Traces, Payload::from(spans), 1);
        let batch = Batch { already: already.into(), pipeline: "traces".into(), ..batch };
        setup.tail.consume(batch).await.unwrap();
    }
    let all = tokio::time::timeout(Duration::from_secs(20), async {
        while setup.taker.spans() < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    all.await.unwrap();
    let (known, new) = setup.taker.known_to("a");
    assert_eq!((known, new), (2, 1));
}
