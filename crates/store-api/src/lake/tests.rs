use flow::Memory;
use flow::Telemetry;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use throughline_context::TraceId;

use super::*;
use crate::Questions;
use crate::door::open_memory;
use crate::question::Limits;

fn section(text: &str) -> Node {
    Node::load("c.yaml", text).unwrap()
}

fn ctx(door: StoreDoor) -> Ctx {
    Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::new(door)).named("lake")
}

fn batch(ids: &[u8]) -> Batch {
    let span = |id: &u8| Span { trace_id: vec![1; 16], span_id: vec![*id; 8], ..Default::default() };
    let scope = ScopeSpans { spans: ids.iter().map(span).collect(), ..Default::default() };
    let resource_spans = vec![ResourceSpans { scope_spans: vec![scope], ..Default::default() }];
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Batch::new(Signal::Traces, bytes.into(), ids.len())
}

#[tokio::test]
async fn what_is_exported_can_be_asked_for_at_once() {
    let ctx = ctx(StoreDoor::new(open_memory));
    let lake = make(&section("directory: /a"), &ctx).unwrap();
    lake.start().await.unwrap();
    lake.export(&batch(&[1, 2, 0])).await.unwrap();
    lake.export(&batch(&[2, 3])).await.unwrap();
    let door = ctx.get::<StoreDoor>().unwrap();
    let store = door.open(&door.find(Some("lake")).unwrap()).await.unwrap();
    let trace = store.trace(TraceId([1; 16]), Limits::default()).await.unwrap().unwrap();
    assert_eq!(trace.spans.len(), 3);
    let count =
        |name: &str| ctx.telemetry.counter(name, "", &["exporter"]).with_label_values(&["lake"]).get();
    assert_eq!(count("throughline_store_duplicate_spans"), 1);
    assert_eq!(count("throughline_store_nameless_spans"), 1);
    lake.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_a_matter_of_time() {
    let full = |settings: Settings| {
        let source = std::io::ErrorKind::StorageFull.into();
        Box::pin(std::future::ready(Err(StoreError::io("write", &settings.directory, source))))
            as BoxFuture<'_, _>
    };
    let lake = make(&section("directory: /a"), &ctx(StoreDoor::new(full))).unwrap();
    let error = lake.export(&batch(&[1])).await.unwrap_err();
    let ExportError::Retry { why, after } = error else { panic!("nothing may be lost: {error}") };
    assert!(after.is_some());
    assert!(why.contains("cannot write /a") && why.contains("free space there"), "{why}");
}

#[test]
fn settings_are_checked() {
    let messages =
        |text: &str| check(&section(text)).iter().map(|finding| finding.message.clone()).collect::<Vec<_>>();
    assert_eq!(messages(""), Vec::<String>::new());
    assert_eq!(
        messages("{directory: /a, retention: 72h, sync: true, memory_limit_mib: 64}"),
        Vec::<String>::new()
    );
    assert_eq!(
        messages("{flush_interval: 0s, retention: 1s, memory_limit_mib: 1}"),
        ["less than 8 MiB cannot hold a batch", "an interval of zero", "less than a minute"]
    );
    assert_eq!(messages("{dir: /a}").len(), 1);
    let bucket = "{directory: 's3://calls/store', state_directory: /a, storage: {aws_region: eu-west-1}, refresh_interval: 2s}";
    assert_eq!(messages(bucket), Vec::<String>::new());
    let homeless = ["a bucket has no place for what only this node needs"];
    assert_eq!(messages("directory: gs://calls"), homeless);
    assert_eq!(messages("{directory: 'az://calls', state_directory: here}"), homeless);
    assert_eq!(
        messages("{directory: 'ftp://calls', state_directory: /a, refresh_interval: 0s}"),
        ["an interval of zero", "a store is kept on a local disk, or at s3://, gs:// or az://"]
    );
    let shared = "{sending_queue: {queue_size: 10}, retry_on_failure: {max_elapsed_time: 0}}";
    assert_eq!(messages(shared), Vec::<String>::new());
}

/// A store that is slow to write.
#[derive(Default)]
struct Slow {
    safe: Arc<Notify>,
    asked: Arc<Notify>,
}

impl TraceStore for Slow {
    fn append(&self, _: Vec<crate::Span>) -> BoxFuture<'_, Result<crate::Appended, StoreError>> {
        Box::pin(std::future::ready(Ok(crate::Appended::default())))
    }

    fn look(&self, _: Limits, _: crate::store::Look) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Err(StoreError::Bug("not asked for".to_owned()))))
    }

    fn safe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.asked.notify_one();
            self.safe.notified().await;
            Ok(())
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Counts what is settled; what it is about outlives the process, or not.
struct Heard {
    durable: bool,
    settled: Mutex<usize>,
    told: Notify,
}

impl flow::Ledger for Heard {
    fn settle(&self, exporter: &str, outcome: Outcome) {
        assert_eq!((exporter, outcome), ("lake", Outcome::Exported));
        *self.settled.lock().unwrap() += 1;
        self.told.notify_one();
    }

    fn is_durable(&self) -> bool {
        self.durable
    }
}

/// Scenario: batches with and without a journal behind them, in a store that takes its time to write.
/// Guarantees: those of a journal are acknowledged when they are written, or flushed at the end; the others at once.
#[tokio::test]
async fn a_journal_hears_when_spans_are_on_disk() {
    let store = Arc::new(Slow::default());
    let (safe, asked) = (Arc::clone(&store.safe), Arc::clone(&store.asked));
    let heard = |durable| Arc::new(Heard { durable, settled: Mutex::new(0), told: Notify::new() });
    let (kept, passing) = (heard(true), heard(false));
    let made = Lake {
        id: Arc::from("lake"),
        settings: Settings::default(),
        door: Arc::new(StoreDoor::new(open_memory)),
        store: OnceCell::from(store as Arc<dyn TraceStore>),
        kept: Arc::default(),
        settling: Mutex::default(),
        duplicates: IntCounter::new("a", "a").unwrap(),
        nameless: IntCounter::new("b", "b").unwrap(),
    };
    made.start().await.unwrap();
    let send = async |heard: &Arc<Heard>| {
        let mut batch = batch(&[1]);
        batch.ack = Ack::new(Arc::clone(heard) as Arc<dyn flow::Ledger>);
        made.export(&batch).await.unwrap();
    };
    send(&passing).await;
    assert_eq!(*passing.settled.lock().unwrap(), 1);
    send(&kept).await;
    asked.notified().await;
    assert_eq!(*kept.settled.lock().unwrap(), 0, "it can be queried, and a power cut would take it");
    safe.notify_one();
    kept.told.notified().await;
    send(&kept).await;
    made.stop().await;
    assert_eq!(*kept.settled.lock().unwrap(), 2);
}
