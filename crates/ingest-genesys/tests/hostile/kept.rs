//! A receiver, and the traces that come out of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use flow::config::Node;
use flow::{Batch, BoxFuture, Consumer, Ctx, Make, Memory, Outlets, Receiver, Refusal, Telemetry};
use ingest_genesys::genesys_cloud;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// The ids of the traces that came.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<BTreeSet<Vec<u8>>>);

impl Consumer for Kept {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans).map(|span| span.trace_id));
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) async fn receiver(yaml: &str) -> (Arc<dyn Receiver>, Arc<Kept>, Telemetry) {
    let section = Node::load("c.yaml", yaml).unwrap();
    assert_eq!((genesys_cloud::IN.check)(&section), []);
    let Make::Receiver(make) = genesys_cloud::IN.make else { panic!("a receiver") };
    let telemetry = Telemetry::default();
    let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone());
    let receiver = make(&section, &ctx.named("genesys_cloud")).unwrap();
    let kept = Arc::new(Kept::default());
    let outlets = Outlets { traces: Some(Arc::clone(&kept) as Arc<dyn Consumer>), ..Outlets::default() };
    receiver.start(outlets).await.unwrap();
    (receiver, kept, telemetry)
}
