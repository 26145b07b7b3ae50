//! What the tests of several processors share: a batch sent through one of them, with the account of its pipeline.

use std::sync::{Arc, Mutex, PoisonError};

use flow::config::{Node, Severity};
use flow::{
    Ack, Batch, BoxFuture, Client, Consumer, Ctx, Factory, Ledger, Make, Memory, Outcome, Payload, Refusal,
};
use flow::{Signal, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::engine::account::{Accounts, Balance};
use crate::processors::attributes::tests::pair;

/// A processor with a consumer behind it that keeps what comes, or refuses.
pub(crate) struct Bench {
    pub(crate) processor: Arc<dyn Consumer>,
    pub(crate) ctx: Ctx,
    accounts: Arc<Accounts>,
    pub(crate) out: Arc<Out>,
}

#[derive(Default)]
pub(crate) struct Out {
    pub(crate) batches: Mutex<Vec<Batch>>,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    accounts: Arc<Accounts>,
}

/// What the ledger of a request has heard.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Outcome>>);

impl Ledger for Heard {
    fn settle(&self, _: &str, outcome: Outcome) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
    }
}

impl Consumer for Out {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            if let Some(refusal) = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone() {
                return Err(refusal);
            }
            if let Some(account) = self.accounts.get(&batch.pipeline) {
                account.enqueued("out", batch.items);
                account.exported("out", batch.items);
            }
            batch.ack.settle("out", Outcome::Exported);
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
            Ok(())
        })
    }
}

impl Bench {
    pub(crate) fn new(factory: &Factory, section: &str) -> Self {
        let section = Node::load("c.yaml", section).expect("valid YAML");
        let errors: Vec<_> =
            (factory.check)(&section).into_iter().filter(|f| f.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let Make::Processor(make) = factory.make else { panic!("not a processor") };
        let telemetry = Telemetry::default();
        let accounts = Arc::new(Accounts::new(telemetry.clone()));
        let ctx = Ctx::new(Arc::new(Memory::default()), telemetry).with(Arc::clone(&accounts));
        let ctx = ctx.named(factory.name).within("traces", Signal::Traces);
        let account = accounts.open("traces", &[Arc::from("out")]);
        let out = Arc::new(Out { accounts: Arc::clone(&accounts), ..Out::default() });
        let processor = make(&section, &ctx, out.clone()).expect("a processor");
        account.watch(vec![Arc::clone(&processor)]);
        Self { processor, ctx, accounts, out }
    }

    /// A batch as the inlet would send it on.
    pub(crate) fn batch(&self, request: &ExportTraceServiceRequest) -> (Batch, Arc<Heard>) {
        let items = spans(request).count();
        let heard = Arc::new(Heard::default());
        let mut batch = Batch::new(Signal::Traces, Payload::from(request.encode_to_vec()), items);
        batch.pipeline = Arc::from("traces");
        batch.client = Arc::new(Client::default());
        batch.hold = self.ctx.memory.hold(batch.payload.len());
        batch.ack = Ack::new(Arc::clone(&heard) as Arc<dyn Ledger>);
        (batch, heard)
    }

    /// Sends a request in; what is refused counts as refused, as at the inlet.
    pub(crate) async fn send(&self, request: &ExportTraceServiceRequest) -> Result<Arc<Heard>, Refusal> {
        let (batch, heard) = self.batch(request);
        let account = self.accounts.get("traces").expect("an account");
        let items = batch.items;
        account.received(items);
        match self.processor.consume(batch).await {
            Ok(()) => Ok(heard),
            Err(refusal) => {
                account.refused(items);
                Err(refusal)
            }
        }
    }

    /// What came out since the last time, checked as at the door.
    pub(crate) fn taken(&self) -> Vec<ExportTraceServiceRequest> {
        let batches = std::mem::take(&mut *self.out.batches.lock().unwrap_or_else(PoisonError::into_inner));
        let read = |batch: Batch| {
            let bytes = batch.payload.to_bytes();
            let sound = flow::otlp::check(Signal::Traces, &bytes, &Default::default()).expect("sound bytes");
            assert_eq!((sound.items, sound.odd), (batch.items, false));
            assert_eq!(batch.hold.bytes(), bytes.len() as u64);
            ExportTraceServiceRequest::decode(bytes).expect("protobuf")
        };
        batches.into_iter().map(read).collect()
    }

    /// The account, which must close.
    pub(crate) fn balance(&self) -> Balance {
        let balance = self.accounts.balances().remove(0);
        assert_eq!(balance.difference(), 0, "{balance:?}");
        balance
    }

    /// The sum of a counter's values whose labels have all of these values.
    pub(crate) fn counted(&self, name: &str, labels: &[&str]) -> u64 {
        let families = self.ctx.telemetry.registry().gather();
        let metrics = families.iter().filter(|family| family.name() == name).flat_map(|f| f.get_metric());
        let fits = |metric: &&prometheus::proto::Metric| {
            labels.iter().all(|value| metric.get_label().iter().any(|pair| pair.value() == *value))
        };
        metrics.filter(fits).map(|metric| metric.get_counter().get_value() as u64).sum()
    }
}

/// What a processor makes of one request.
pub(crate) fn through(
    factory: &Factory,
    section: &str,
    request: &ExportTraceServiceRequest,
) -> ExportTraceServiceRequest {
    let bench = Bench::new(factory, section);
    let sent = futures_util::future::FutureExt::now_or_never(bench.send(request)).expect("no waiting");
    assert!(sent.is_ok(), "{:?}", sent.err());
    bench.balance();
    bench.taken().pop().unwrap_or_default()
}

pub(crate) fn findings(factory: &Factory, section: &str) -> String {
    crate::processors::attributes::tests::findings(factory, section)
}

pub(crate) fn spans(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans)
}

/// `ivr: a, b | crm: c` by service.
pub(crate) fn names(request: &ExportTraceServiceRequest) -> String {
    let service = |around: &ResourceSpans| {
        let names: Vec<_> =
            around.scope_spans.iter().flat_map(|scope| &scope.spans).map(|span| span.name.as_str()).collect();
        let service = around.resource.as_ref().and_then(|resource| resource.attributes.first());
        let service = service.and_then(|pair| pair.value.as_ref()).and_then(|value| match &value.value {
            Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => {
                Some(text.as_str())
            }
            _ => None,
        });
        format!("{}: {}", service.unwrap_or("-"), names.join(", "))
    };
    request.resource_spans.iter().map(service).collect::<Vec<_>>().join(" | ")
}

/// Spans of a service, in one scope.
pub(crate) fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: vec![pair("service.name", service)], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

pub(crate) fn span(name: &str) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: name.into(),
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_250_000_000,
        ..Span::default()
    }
}
