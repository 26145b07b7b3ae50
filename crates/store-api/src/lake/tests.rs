use flow::Memory;
use flow::Telemetry;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use throughline_context::TraceId;

use super::*;
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
    let shared = "{sending_queue: {queue_size: 10}, retry_on_failure: {max_elapsed_time: 0}}";
    assert_eq!(messages(shared), Vec::<String>::new());
}
