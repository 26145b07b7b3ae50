//! A receiver that tests push into, a connector that hands on, an exporter that keeps what it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use flow::config::{Finding, Node};
use flow::{
    Batch, BoxFuture, ExportError, Exporter, Factory, Memory, Outlets, Payload, Receiver, Refusal, Registry,
    Telemetry,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::sync::Notify;

use super::*;
use crate::processors;

static PUSH: Factory = Factory {
    name: "push",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Receiver(|section, ctx| Ok(Arc::new(Push::new(section, ctx)))),
};
static KEEP: Factory = Factory {
    name: "keep",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Exporter(|section, ctx| {
        let [fails, hangs] = ["fails", "hangs"].map(|what| section.get(what).is_some());
        Ok(Arc::new(Keep { id: ctx.id.to_string(), fails, hangs, hub: ctx.get().unwrap() }))
    }),
};
static HAND: Factory = Factory {
    name: "hand",
    aliases: &[],
    signals: &[Signal::Traces],
    check: |_| Vec::new(),
    make: Make::Connector {
        gives: &[Signal::Traces],
        make: |_, _, outlets| outlets.traces.ok_or_else(|| BuildError::new("hand", "to nobody")),
    },
};

pub(super) fn context() -> Ctx {
    let telemetry = Telemetry::default();
    Ctx::new(Arc::new(Memory::default()), telemetry.clone())
        .with(Arc::new(Accounts::new(telemetry)))
        .with(Arc::new(Hub::default()))
}

pub(super) fn read(yaml: &str) -> (Option<Plan>, Vec<Finding>) {
    let registry = Registry::new([
        PUSH,
        KEEP,
        HAND,
        processors::batch::FACTORY,
        processors::attributes::FACTORY,
        processors::tail_sampling::FACTORY,
    ]);
    let (mut plan, findings) = Plan::of(&Node::load("c.yaml", yaml).unwrap(), &registry);
    plan.iter_mut().for_each(|plan| plan.telemetry.metrics.addresses.clear());
    (plan, findings)
}

/// A batch with one span of a trace of its own.
pub(super) fn one_span(id: u64) -> Batch {
    let trace_id = [id.to_be_bytes(), id.to_be_bytes()].concat();
    let span = Span { trace_id, span_id: id.to_be_bytes().to_vec(), ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Batch::new(Signal::Traces, Payload::from(bytes), 1)
}

/// Where tests meet the fakes.
#[derive(Default)]
pub(super) struct Hub {
    outlets: Mutex<BTreeMap<String, Outlets>>,
    /// Each with who has it.
    ports: Mutex<BTreeMap<String, String>>,
    alone: Mutex<BTreeSet<String>>,
    events: Mutex<Vec<String>>,
    /// By exporter: the span, and what `v` was.
    kept: Mutex<BTreeMap<String, Vec<(u64, String)>>>,
    pushed: AtomicU64,
    moved: Notify,
}

impl Hub {
    pub(super) async fn push(&self, receiver: &str, batch: Batch) -> Result<(), Refusal> {
        let outlet = self.outlets.lock().unwrap()[receiver].traces.clone().unwrap();
        outlet.admit(1)?;
        outlet.consume(batch).await?;
        self.pushed.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
        Ok(())
    }

    pub(super) fn kept(&self, exporter: &str) -> Vec<(u64, String)> {
        self.kept.lock().unwrap().get(exporter).cloned().unwrap_or_default()
    }

    pub(super) async fn kept_so_many(&self, exporter: &str, most: usize) {
        self.until(|| self.kept(exporter).len() >= most).await;
    }

    pub(super) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    pub(super) async fn pushed_more_than(&self, seen: u64) {
        self.until(|| self.pushed() > seen).await;
    }

    pub(super) fn take_port(&self, port: &str) {
        self.ports.lock().unwrap().insert(port.to_owned(), "another process".to_owned());
    }

    pub(super) fn has_port(&self, port: &str) -> Option<String> {
        self.ports.lock().unwrap().get(port).cloned()
    }

    pub(super) fn make_alone(&self, exporter: &str) {
        self.alone.lock().unwrap().insert(exporter.to_owned());
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    async fn until(&self, reached: impl Fn() -> bool) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if reached() {
                return;
            }
            moved.await;
        }
    }

    fn happened(&self, id: &str, what: &str) {
        self.events.lock().unwrap().push(format!("{id} {what}"));
    }
}

struct Push {
    id: String,
    port: Option<String>,
    /// It never comes to an end.
    hangs: bool,
    hub: Arc<Hub>,
}

impl Push {
    fn new(section: &Node, ctx: &Ctx) -> Self {
        let port = section.get("port").and_then(|port| port.text().map(str::to_owned));
        let hangs = section.get("hangs").is_some();
        Self { id: ctx.id.to_string(), port, hangs, hub: ctx.get().unwrap() }
    }
}

impl Receiver for Push {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            if let Some(port) = &self.port {
                let mut ports = self.hub.ports.lock().unwrap();
                if ports.contains_key(port) {
                    return Err(BuildError::new(&self.id, format!("the port {port} is taken")));
                }
                ports.insert(port.clone(), self.id.clone());
            }
            self.hub.outlets.lock().unwrap().insert(self.id.clone(), outlets);
            self.hub.happened(&self.id, "starts");
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.hub.happened(&self.id, "stops");
            self.hub
                .ports
                .lock()
                .unwrap()
                .retain(|port, id| Some(port) != self.port.as_ref() || *id != self.id);
            if self.hangs {
                std::future::pending::<()>().await;
            }
        })
    }
}

struct Keep {
    id: String,
    fails: bool,
    hangs: bool,
    hub: Arc<Hub>,
}

impl Exporter for Keep {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            if self.fails {
                return Err(BuildError::new(&self.id, "cannot start"));
            }
            self.hub.happened(&self.id, "starts");
            Ok(())
        })
    }

    fn may_overlap(&self) -> bool {
        !self.hub.alone.lock().unwrap().contains(&self.id)
    }

    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            let request = ExportTraceServiceRequest::decode(&*batch.payload.to_bytes()).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            let spans = scopes.flat_map(|scope| scope.spans).map(|span| {
                let value = span.attributes.iter().find(|attribute| attribute.key == "v");
                let value = match value.and_then(|value| value.value.clone()?.value) {
                    Some(Value::StringValue(value)) => value,
                    _ => String::new(),
                };
                (u64::from_be_bytes(span.span_id.try_into().unwrap()), value)
            });
            self.hub.kept.lock().unwrap().entry(self.id.clone()).or_default().extend(spans);
            self.hub.moved.notify_waiters();
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.hub.happened(&self.id, "stops") })
    }
}
