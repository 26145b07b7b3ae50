//! One backend: an `otlp_grpc` exporter and its queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Make};
use tokio::time::Instant;

use super::metrics::Measures;
use super::rendezvous;
use crate::engine::account::Accounts;
use crate::engine::health::Health;
use crate::engine::sending::lane::Lane;
use crate::engine::sending::{Sending, SendingSettings};
use crate::exporters::otlp_grpc;

pub(super) struct Backend {
    /// As the collector names it: the exporter's type, the balancer's name, the endpoint.
    pub(super) id: Arc<str>,
    pub(super) endpoint: Arc<str>,
    /// Of the endpoint.
    pub(super) hash: u64,
    pub(super) queue: Arc<Sending>,
    pub(super) watched: Arc<Watched>,
}

impl Backend {
    /// `section` is that of an `otlp_grpc` exporter with this endpoint.
    pub(super) fn open(
        endpoint: &Arc<str>,
        section: &Node,
        ctx: &Ctx,
        lane: Lane,
        measures: Measures,
        (accounts, health): (&Arc<Accounts>, &Arc<Health>),
    ) -> Result<Arc<Self>, BuildError> {
        let Make::Exporter(make) = otlp_grpc::FACTORY.make else {
            return Err(BuildError::new(&ctx.id, "otlp_grpc is no exporter"));
        };
        let name = ctx.id.split_once('/').map(|(_, name)| format!("{name}_")).unwrap_or_default();
        let id: Arc<str> = Arc::from(format!("{}/{name}{endpoint}", otlp_grpc::FACTORY.name));
        let exporter = make(section, &ctx.named(&id))?;
        let watched = Arc::new(Watched { exporter, measures, failing: Mutex::default() });
        let settings = SendingSettings::of(section);
        let around = (Arc::clone(accounts), Arc::clone(health), &ctx.telemetry);
        let queue = Sending::lane(&id, lane, Arc::clone(&watched) as Arc<dyn Exporter>, settings, around);
        let hash = rendezvous::hash(endpoint.as_bytes());
        Ok(Arc::new(Self { id, endpoint: Arc::clone(endpoint), hash, queue, watched }))
    }
}

/// An exporter whose answers are watched.
pub(super) struct Watched {
    exporter: Arc<dyn Exporter>,
    measures: Measures,
    /// Since when no attempt was answered.
    failing: Mutex<Option<Instant>>,
}

impl Watched {
    pub(super) fn failing_for(&self, now: Instant) -> Option<Duration> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).map(|since| now - since)
    }

    /// Lets it be tried again.
    pub(super) fn forgive(&self) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Exporter for Watched {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            let start = Instant::now();
            let result = self.exporter.export(batch).await;
            self.measures.latency.observe(start.elapsed().as_secs_f64() * 1000.0);
            let taken = matches!(result, Ok(()) | Err(ExportError::Partial { .. }));
            if taken { self.measures.succeeded.inc() } else { self.measures.failed.inc() }
            let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Err(ExportError::Retry { .. }) => drop(failing.get_or_insert(start)),
                // What a backend rejects, it has answered.
                _ => *failing = None,
            }
            result
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.exporter.stop()
    }
}
