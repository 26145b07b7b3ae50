//! One backend: an exporter that is watched, and its queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{Batch, BoxFuture, ExportError, Exporter};
use tokio::time::Instant;

use super::metrics::Measures;
use crate::engine::sending::Sending;

pub(super) struct Backend {
    pub(super) id: Arc<str>,
    pub(super) endpoint: Arc<str>,
    /// Of the endpoint.
    pub(super) hash: u64,
    pub(super) queue: Arc<Sending>,
    pub(super) watched: Arc<Watched>,
}

/// An exporter whose answers are watched.
pub(super) struct Watched {
    exporter: Arc<dyn Exporter>,
    measures: Measures,
    /// Since when no attempt was answered.
    failing: Mutex<Option<Instant>>,
}

impl Watched {
    pub(super) fn new(exporter: Arc<dyn Exporter>, measures: Measures) -> Arc<Self> {
        Arc::new(Self { exporter, measures, failing: Mutex::default() })
    }

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
            if taken {
                self.measures.succeeded.inc()
            } else {
                self.measures.failed.inc()
            }
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
