//! Running pipelines, and clients for them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::{
    Audience, Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Extension, Factory, Make, Memory,
    Outlets, Receiver, Registry, Signal, Telemetry,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use pipeline::engine::account::Accounts;
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::{Plan, Sources, World, findings_as_text, read_file};
use pipeline::{connectors, exporters, extensions, processors, receivers};
use prost::Message;
use tokio::net::TcpStream;

/// For what another process does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Product {
    running: Running,
    pub(crate) ctx: Ctx,
    /// What exporter `kept` (and the store of `configs/`) was given.
    pub(crate) kept: Arc<Kept>,
}

/// Batches that have come.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<(Signal, Vec<u8>, usize)>>);

impl Kept {
    pub(crate) fn of(&self, signal: Signal) -> Vec<Vec<u8>> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(kept, ..)| *kept == signal).map(|(_, bytes, _)| bytes.clone()).collect()
    }

    pub(crate) fn items(&self, signal: Signal) -> usize {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(kept, ..)| *kept == signal).map(|(.., items)| items).sum()
    }
}

struct Keeper(Arc<Kept>);

impl Exporter for Keeper {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        let bytes = batch.payload.to_bytes().to_vec();
        self.0.0.lock().unwrap().push((batch.signal, bytes, batch.items));
        Box::pin(std::future::ready(Ok(())))
    }
}

struct NoPage;

impl Extension for NoPage {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Gives a span while it goes on, twice, and again when it has ended; then a correction.
struct Revisions;

impl Receiver for Revisions {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let traces = outlets.traces.unwrap();
            for audience in [Audience::Stores, Audience::Stores, Audience::All, Audience::Stores] {
                let payload = request("genesys-cloud", vec![span(1, "Talk", 1000, &[])]).into();
                let batch = Batch { audience, ..Batch::new(Signal::Traces, payload, 1) };
                traces.consume(batch).await.unwrap();
            }
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn keeper(_: &flow::config::Node, ctx: &Ctx) -> flow::Made<dyn Exporter> {
    let kept = ctx.get::<Kept>().ok_or_else(|| BuildError::new(&ctx.id, "nothing to keep it in"))?;
    Ok(Arc::new(Keeper(kept)))
}

fn registry() -> Registry {
    let stand_in =
        |name, make| Factory { name, aliases: &[], signals: &Signal::ALL, check: |_| Vec::new(), make };
    Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        exporters::otlp_grpc::FACTORY,
        exporters::otlp_http::FACTORY,
        exporters::prometheus::FACTORY,
        connectors::spanmetrics::FACTORY,
        connectors::servicegraph::FACTORY,
        extensions::health_check::FACTORY,
        // The store and the page are other crates'.
        stand_in("lake", Make::Exporter(keeper)),
        stand_in("kept", Make::Exporter(keeper)),
        stand_in("revisions", Make::Receiver(|_, _| Ok(Arc::new(Revisions)))),
        stand_in("view", Make::Extension(|_, _| Ok(Arc::new(NoPage)))),
    ])
}

impl Product {
    /// With a file of `configs/` (or a whole configuration as `yaml:`), and values over it.
    pub(crate) async fn start(config: &str, sets: &[&str]) -> Self {
        let file = |path: &str| read_file(&format!("{}/{path}", configs()));
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let sources = Sources { configs: vec![config.to_owned()], sets };
        let (plan, findings) = Plan::read(&sources, World { env: &|_| None, file: &file }, &registry());
        let plan = plan.unwrap_or_else(|| panic!("{}", findings_as_text(&findings)));
        let telemetry = Telemetry::default();
        let kept = Arc::new(Kept::default());
        let ctx = Ctx::new(Arc::new(Memory::default()), telemetry.clone())
            .with(Arc::new(Addresses::default()))
            .with(Arc::new(Accounts::new(telemetry)))
            .with(Arc::clone(&kept));
        let running = Running::start(&plan, &ctx).await.unwrap();
        Self { running, ctx, kept }
    }

    pub(crate) async fn stop(&mut self) {
        self.running.stop().await;
    }

    pub(crate) fn address(&self, component: &str) -> SocketAddr {
        self.ctx.get::<Addresses>().unwrap().of(component, "http").unwrap()
    }

    pub(crate) fn grpc(&self, component: &str) -> SocketAddr {
        self.ctx.get::<Addresses>().unwrap().of(component, "grpc").unwrap()
    }

    /// Sends spans of one service; they are taken when this returns.
    pub(crate) async fn send(&self, service: &str, spans: Vec<Span>) {
        let body = request(service, spans);
        let request = Request::post("/v1/traces").header("content-type", "application/x-protobuf");
        let (status, _) = fetch(self.address("otlp"), request, body).await;
        assert_eq!(status, StatusCode::OK);
    }

    pub(crate) async fn metrics(&self, accept: &str) -> String {
        let request = Request::get("/metrics").header("accept", accept);
        let (status, text) = fetch(self.address("prometheus"), request, Vec::new()).await;
        assert_eq!(status, StatusCode::OK);
        text
    }

    /// Waits until nothing moves, and checks that nothing is missing.
    pub(crate) async fn quiet(&self) -> Vec<String> {
        let accounts = self.ctx.get::<Accounts>().unwrap();
        let moving = || accounts.balances().iter().any(|it| it.in_flight != 0 || it.difference() != 0);
        tokio::time::timeout(PATIENCE, async {
            while moving() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{:?}", accounts.balances()));
        let line = |it: &pipeline::engine::account::Balance| {
            format!("{} -> {}: {} received, {} exported", it.pipeline, it.exporter, it.received, it.exported)
        };
        accounts.balances().iter().map(line).collect()
    }
}

pub(crate) fn configs() -> String {
    format!("{}/../../configs", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) async fn fetch(
    address: SocketAddr,
    request: http::request::Builder,
    body: Vec<u8>,
) -> (StatusCode, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = request.header("host", address.to_string()).body(Full::<bytes::Bytes>::from(body)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) fn attributes(given: &[(&str, &str)]) -> Vec<KeyValue> {
    let one = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue((*value).to_owned())) }),
        ..KeyValue::default()
    };
    given.iter().map(one).collect()
}

/// A span of so many milliseconds; kind and ids are the caller's to set.
pub(crate) fn span(n: u64, name: &str, milliseconds: u64, given: &[(&str, &str)]) -> Span {
    let start = 1_700_000_000_000_000_000;
    Span {
        trace_id: [7u64, n].map(u64::to_be_bytes).concat(),
        span_id: n.to_be_bytes().to_vec(),
        name: name.to_owned(),
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: start + milliseconds * 1_000_000,
        attributes: attributes(given),
        ..Span::default()
    }
}

pub(crate) fn failed(mut span: Span) -> Span {
    span.status = Some(Status { code: 2, message: "503".to_owned() });
    span
}

fn request(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource { attributes: attributes(&[("service.name", service)]), ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}
