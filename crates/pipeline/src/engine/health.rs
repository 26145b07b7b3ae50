//! What readiness is made of: the state of every exporter and its queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// An exporter that has failed for this long makes the process not ready.
pub const FAILING_TOO_LONG: Duration = Duration::from_secs(30);

/// Shared by the sending queues, which report, and the health endpoint, which asks.
#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    exporters: BTreeMap<Arc<str>, Exporter>,
    /// Logs that take nothing at the moment, and why.
    refusing: BTreeMap<Arc<str>, String>,
}

/// Where the process is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Starting,
    Running,
    Stopping,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
        }
    }
}

#[derive(Default)]
struct Exporter {
    failing: Option<(Instant, String)>,
    queued: usize,
    capacity: usize,
}

/// The answer of `/readyz`.
#[derive(Serialize, Debug)]
pub struct Readiness {
    pub ready: bool,
    pub phase: Phase,
    pub exporters: Vec<ExporterHealth>,
    /// Logs of the journal that take nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journals: Vec<JournalHealth>,
}

#[derive(Serialize, Debug)]
pub struct JournalHealth {
    pub log: Arc<str>,
    pub why: String,
}

#[derive(Serialize, Debug)]
pub struct ExporterHealth {
    pub exporter: Arc<str>,
    pub healthy: bool,
    pub queued: usize,
    pub capacity: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_for_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Health {
    pub fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
    }

    pub fn phase(&self) -> Phase {
        self.lock().phase
    }

    pub fn queue(&self, exporter: &Arc<str>, queued: usize, capacity: usize) {
        let mut state = self.lock();
        let known = state.exporters.entry(Arc::clone(exporter)).or_default();
        known.queued = queued;
        known.capacity = capacity;
    }

    pub fn succeeded(&self, exporter: &Arc<str>) {
        if let Some(known) = self.lock().exporters.get_mut(exporter) {
            known.failing = None;
        }
    }

    pub fn failed(&self, exporter: &Arc<str>, why: &str) {
        let mut state = self.lock();
        let known = state.exporters.entry(Arc::clone(exporter)).or_default();
        let since = known.failing.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        known.failing = Some((since, why.to_owned()));
    }

    /// A log of the journal takes nothing for this reason, or takes data again.
    pub fn journal(&self, log: &Arc<str>, refuses: Option<&str>) {
        let refusing = &mut self.lock().refusing;
        match refuses {
            Some(why) => drop(refusing.insert(Arc::clone(log), why.to_owned())),
            None => drop(refusing.remove(log)),
        }
    }

    /// An exporter that is not there any more.
    pub fn forget(&self, exporter: &str) {
        self.lock().exporters.remove(exporter);
    }

    /// Ready while running, no queue is full, the journal takes data, and no exporter has failed for [`FAILING_TOO_LONG`].
    pub fn readiness(&self) -> Readiness {
        let state = self.lock();
        let exporters: Vec<_> = state.exporters.iter().map(|(id, exporter)| exporter.health(id)).collect();
        let refusing = state.refusing.iter();
        let journals: Vec<_> =
            refusing.map(|(log, why)| JournalHealth { log: Arc::clone(log), why: why.clone() }).collect();
        let healthy = exporters.iter().all(|exporter| exporter.healthy) && journals.is_empty();
        let ready = state.phase == Phase::Running && healthy;
        Readiness { ready, phase: state.phase, exporters, journals }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter {
    fn health(&self, id: &Arc<str>) -> ExporterHealth {
        let failing = self.failing.as_ref().map(|(since, _)| since.elapsed());
        let full = self.capacity > 0 && self.queued >= self.capacity;
        ExporterHealth {
            exporter: Arc::clone(id),
            healthy: !full && failing.is_none_or(|failing| failing < FAILING_TOO_LONG),
            queued: self.queued,
            capacity: self.capacity,
            failing_for_seconds: failing.map(|failing| failing.as_secs()),
            why: self.failing.as_ref().map(|(_, why)| why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_tells_the_truth() {
        let health = Health::default();
        let backend = Arc::from("otlp_http");
        assert!(!health.readiness().ready, "starting");
        health.enter(Phase::Running);
        health.queue(&backend, 3, 10);
        assert!(health.readiness().ready);
        health.failed(&backend, "connection refused");
        assert!(health.readiness().ready, "one failure is not an outage");
        tokio::time::advance(FAILING_TOO_LONG).await;
        health.failed(&backend, "connection refused again");
        let readiness = health.readiness();
        assert!(!readiness.ready);
        assert_eq!(readiness.exporters[0].why.as_deref(), Some("connection refused again"));
        health.succeeded(&backend);
        assert!(health.readiness().ready);
        health.queue(&backend, 10, 10);
        assert!(!health.readiness().ready, "a full queue refuses");
        health.queue(&backend, 0, 10);
        health.enter(Phase::Stopping);
        assert!(!health.readiness().ready);
    }
}
