//! A receiver from a YAML section, with a consumer behind it that records what comes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use flow::config::{Node, Severity};
use flow::otlp::Limits;
use flow::{Batch, BoxFuture, BuildError, Client, Consumer, Ctx, Make, Memory, Outlets, Receiver, Refusal};
use flow::{Factory, Signal, Telemetry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::auth::Offers;
use pipeline::net::addresses::Addresses;
use pipeline::receivers::otlp;
use prost::Message;
use tokio::sync::{Notify, Semaphore};

/// Both protocols on ports of their own.
pub(crate) const BOTH: &str = "protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}";

pub(crate) struct Server {
    receiver: Arc<dyn Receiver>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ctx: Ctx,
}

impl Server {
    /// With all signals going to the recorder.
    pub(crate) async fn start(yaml: &str) -> Self {
        let recorder = Arc::new(Recorder::default());
        let outlet: Arc<dyn Consumer> = Arc::clone(&recorder) as _;
        let mut outlets = Outlets::default();
        Signal::ALL.into_iter().for_each(|signal| outlets.set(signal, Arc::clone(&outlet)));
        Self::with(yaml, recorder, outlets).await.unwrap()
    }

    pub(crate) async fn with(
        yaml: &str,
        recorder: Arc<Recorder>,
        outlets: Outlets,
    ) -> Result<Self, BuildError> {
        let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default());
        Self::within(ctx, yaml, recorder, outlets).await
    }

    /// With extensions beside it: factory, id, settings.
    pub(crate) async fn try_beside(
        extensions: &[(&Factory, &str, &str)],
        yaml: &str,
    ) -> Result<Self, BuildError> {
        let ctx =
            Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::new(Offers::default()));
        for (factory, id, settings) in extensions {
            let section = Node::load("extension.yaml", settings).unwrap();
            let findings = (factory.check)(&section);
            assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{findings:?}");
            let Make::Extension(make) = factory.make else { panic!("an extension") };
            make(&section, &ctx.named(id)).unwrap().start().await?;
        }
        let recorder = Arc::new(Recorder::default());
        let outlet: Arc<dyn Consumer> = Arc::clone(&recorder) as _;
        let mut outlets = Outlets::default();
        outlets.set(Signal::Traces, outlet);
        Self::within(ctx, yaml, recorder, outlets).await
    }

    pub(crate) async fn beside(extensions: &[(&Factory, &str, &str)], yaml: &str) -> Self {
        Self::try_beside(extensions, yaml).await.unwrap()
    }

    async fn within(
        ctx: Ctx,
        yaml: &str,
        recorder: Arc<Recorder>,
        outlets: Outlets,
    ) -> Result<Self, BuildError> {
        let section = Node::load("otlp.yaml", yaml).unwrap();
        let findings = (otlp::FACTORY.check)(&section);
        assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{findings:?}");
        let ctx = ctx.with(Arc::new(Addresses::default())).named("otlp");
        let Make::Receiver(make) = otlp::FACTORY.make else { panic!("a receiver") };
        let receiver = make(&section, &ctx).unwrap();
        receiver.start(outlets).await?;
        Ok(Self { receiver, recorder, ctx })
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.address("http")
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.address("grpc")
    }

    fn address(&self, what: &'static str) -> SocketAddr {
        self.ctx.get::<Addresses>().unwrap().of("otlp", what).unwrap()
    }

    pub(crate) async fn stop(&self) {
        self.receiver.stop().await;
    }

    /// A counter's value, by its name and the labels that select it.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.ctx.telemetry.registry().gather();
        let metrics = families.iter().filter(|family| family.name() == name).flat_map(|f| f.get_metric());
        let selected = metrics.filter(|metric| {
            labels.iter().all(|(name, value)| {
                metric.get_label().iter().any(|pair| pair.name() == *name && pair.value() == *value)
            })
        });
        selected.map(|metric| metric.get_counter().get_value()).sum()
    }
}

/// Takes everything, unless told otherwise.
#[derive(Default)]
pub(crate) struct Recorder {
    taken: Mutex<Vec<Taken>>,
    forgetful: AtomicBool,
    /// What `admit` says.
    pub(crate) admission: Mutex<Option<Refusal>>,
    /// What `consume` says.
    pub(crate) refusal: Mutex<Option<Refusal>>,
    /// Where it is set, each batch waits for one permit.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
    /// Batches that wait at the gate or went through.
    pub(crate) arrived: Notify,
}

#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) signal: Signal,
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: usize,
    pub(crate) client: Arc<Client>,
}

impl Recorder {
    /// Keeps nothing of what comes from now on.
    pub(crate) fn forget_all(&self) {
        self.forgetful.store(true, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    pub(crate) fn items(&self) -> usize {
        self.taken.lock().unwrap().iter().map(|taken| taken.items).sum()
    }
}

impl Consumer for Recorder {
    fn admit(&self, _: usize) -> Result<(), Refusal> {
        self.admission.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let gate = self.gate.lock().unwrap().clone();
            self.arrived.notify_one();
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            if let Some(refusal) = self.refusal.lock().unwrap().clone() {
                return Err(refusal);
            }
            if self.forgetful.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.taken.lock().unwrap().push(Taken {
                signal: batch.signal,
                bytes: batch.payload.to_bytes().to_vec(),
                items: batch.items,
                client: Arc::clone(&batch.client),
            });
            Ok(())
        })
    }
}

/// A request with so many spans, as protobuf.
pub(crate) fn spans(count: usize) -> Vec<u8> {
    let text = |text: &str| AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) };
    let span = |nth: usize| Span {
        trace_id: vec![7; 16],
        span_id: (nth as u64 + 1).to_be_bytes().to_vec(),
        name: format!("span {nth}"),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        attributes: vec![KeyValue {
            key: "interaction.id".to_owned(),
            value: Some(text("c0ffee")),
            ..KeyValue::default()
        }],
        ..Span::default()
    };
    let scope = ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let bytes = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
    flow::otlp::check(Signal::Traces, &bytes, &Limits::default()).unwrap();
    bytes
}

/// The same as JSON.
pub(crate) fn spans_as_json(count: usize) -> Vec<u8> {
    flow::otlp::json::encode(Signal::Traces, &spans(count).into())
}
