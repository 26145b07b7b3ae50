//! The conservation law, kept per pipeline and exporter:
//! `received = exported + dropped + refused + lost + in flight`, exactly whenever the pipeline is quiet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flow::{Ack, Batch, Consumer, Outcome, Telemetry};
use prometheus::{IntCounter, IntGauge};

/// The accounts of all pipelines; offered to components through `Ctx`.
#[derive(Default)]
pub struct Accounts {
    pipelines: Mutex<HashMap<Arc<str>, Arc<Account>>>,
    telemetry: Telemetry,
}

/// One pipeline's account.
pub struct Account {
    pub pipeline: Arc<str>,
    received: IntCounter,
    refused: IntCounter,
    dropped: AtomicU64,
    exporters: Vec<Side>,
    processors: Mutex<Vec<Arc<dyn Consumer>>>,
    telemetry: Telemetry,
}

/// The account of what one exporter was given by one pipeline.
struct Side {
    exporter: Arc<str>,
    exported: IntCounter,
    /// Not for exporters of this kind.
    withheld: IntCounter,
    /// Brought by the exporter's queue from an earlier run.
    restored: AtomicU64,
    lost: AtomicU64,
    in_flight: AtomicI64,
    in_flight_gauge: IntGauge,
    difference_gauge: IntGauge,
}

/// The law's terms for one pipeline and exporter.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Balance {
    pub pipeline: Arc<str>,
    pub exporter: Arc<str>,
    /// By the pipeline's inlet, and by this exporter's queue from an earlier run.
    pub received: i64,
    pub exported: i64,
    /// Left out on purpose: filtered, sampled out, not for an exporter of this kind, or delivered by an earlier run.
    pub dropped: i64,
    pub refused: i64,
    pub lost: i64,
    pub in_flight: i64,
}

impl Balance {
    /// Zero whenever the pipeline is quiet.
    pub fn difference(&self) -> i64 {
        self.received - self.exported - self.dropped - self.refused - self.lost - self.in_flight
    }
}

impl Accounts {
    pub fn new(telemetry: Telemetry) -> Self {
        Self { pipelines: Mutex::default(), telemetry }
    }

    pub fn open(&self, pipeline: &str, exporters: &[Arc<str>]) -> Arc<Account> {
        let account = Arc::new(Account::new(pipeline, exporters, self.telemetry.clone()));
        self.all_pipelines().insert(Arc::from(pipeline), Arc::clone(&account));
        account
    }

    pub fn get(&self, pipeline: &str) -> Option<Arc<Account>> {
        self.all_pipelines().get(pipeline).cloned()
    }

    /// Every pipeline's balance towards each of its exporters; sets the gauges on the way.
    pub fn balances(&self) -> Vec<Balance> {
        let accounts: Vec<_> = self.all_pipelines().values().cloned().collect();
        let mut balances: Vec<_> = accounts.iter().flat_map(|account| account.balances()).collect();
        balances.sort_by(|a, b| (&a.pipeline, &a.exporter).cmp(&(&b.pipeline, &b.exporter)));
        balances
    }

    fn all_pipelines(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Arc<Account>>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn new(pipeline: &str, exporters: &[Arc<str>], telemetry: Telemetry) -> Self {
        let one = |name, help| telemetry.counter(name, help, &["pipeline"]).with_label_values(&[pipeline]);
        let received = one("throughline_pipeline_received_items", "Items that reached the pipeline's inlet.");
        let refused = one("throughline_pipeline_refused_items", "Items handed back to the client.");
        let exporters = exporters.iter().map(|exporter| Side::new(pipeline, exporter, &telemetry)).collect();
        Self {
            pipeline: Arc::from(pipeline),
            received,
            refused,
            dropped: AtomicU64::new(0),
            exporters,
            processors: Mutex::default(),
            telemetry,
        }
    }

    /// The processors whose buffers count as in flight.
    pub fn watch(&self, processors: Vec<Arc<dyn Consumer>>) {
        *self.processors.lock().unwrap_or_else(PoisonError::into_inner) = processors;
    }

    pub fn received(&self, items: usize) {
        self.received.inc_by(items as u64);
    }

    pub fn refused(&self, items: usize) {
        self.refused.inc_by(items as u64);
    }

    /// Left out on purpose, for all exporters.
    pub fn dropped(&self, items: usize, reason: &str) {
        self.dropped.fetch_add(items as u64, Ordering::Relaxed);
        self.telemetry
            .counter(
                "throughline_pipeline_dropped_items",
                "Items left out on purpose.",
                &["pipeline", "reason"],
            )
            .with_label_values(&[&self.pipeline, reason])
            .inc_by(items as u64);
    }

    /// A batch of which nothing is left: its ledgers hear it from every exporter.
    pub fn all_dropped(&self, batch: &Batch) {
        for side in &self.exporters {
            batch.ack.settle(&side.exporter, Outcome::Dropped);
        }
    }

    /// An exporter has taken items in; they are its business now.
    pub fn enqueued(&self, exporter: &str, items: usize) {
        if let Some(side) = self.side(exporter) {
            side.in_flight.fetch_add(items as i64, Ordering::Relaxed);
        }
    }

    pub fn exported(&self, exporter: &str, items: usize) {
        if let Some(side) = self.side(exporter) {
            side.exported.inc_by(items as u64);
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        }
    }

    /// Items go back to whoever sent them.
    pub fn withdrawn(&self, exporter: &str, items: usize) {
        if let Some(side) = self.side(exporter) {
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        }
    }

    /// Items that are not for exporters of this kind, or that this one has from an earlier run.
    pub fn withheld(&self, exporter: &str, items: usize) {
        if let Some(side) = self.side(exporter) {
            side.withheld.inc_by(items as u64);
        }
    }

    /// Items that were in flight at this exporter are gone.
    pub fn lost(&self, exporter: &str, items: usize, reason: &'static str) {
        if let Some(side) = self.side(exporter) {
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        }
        self.never_taken(exporter, items, reason);
    }

    /// Items that this exporter did not take in while another one did.
    pub fn never_taken(&self, exporter: &str, items: usize, reason: &'static str) {
        let Some(side) = self.side(exporter) else { return };
        side.lost.fetch_add(items as u64, Ordering::Relaxed);
        self.telemetry
            .counter(
                "throughline_exporter_lost_items",
                "Items that were accepted and did not reach the exporter's destination.",
                &["pipeline", "exporter", "reason"],
            )
            .with_label_values(&[&self.pipeline, exporter, reason])
            .inc_by(items as u64);
    }

    /// Items of these requests that were left out on purpose, before they reached any exporter.
    pub fn dropped_for_all(&self, acks: &[Ack], items: usize, reason: &str) {
        self.dropped(items, reason);
        for ack in acks {
            self.exporters.iter().for_each(|side| ack.settle(&side.exporter, Outcome::Dropped));
        }
    }

    /// A batch that was lost before it reached any exporter.
    pub fn lost_for_all(&self, batch: &Batch, reason: &'static str) {
        for side in &self.exporters {
            if batch.is_known_to(&side.exporter) {
                side.withheld.inc_by(batch.items as u64);
                continue;
            }
            self.never_taken(&side.exporter, batch.items, reason);
            batch.ack.settle(&side.exporter, Outcome::Lost(reason));
        }
    }

    /// Items that an exporter's queue brings from an earlier run; they never came through the inlet of this one.
    pub fn restored(&self, exporter: &str, items: usize) {
        if let Some(side) = self.side(exporter) {
            side.restored.fetch_add(items as u64, Ordering::Relaxed);
            side.in_flight.fetch_add(items as i64, Ordering::Relaxed);
        }
    }

    pub fn balances(&self) -> Vec<Balance> {
        let processors = self.processors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let upstream: u64 = processors.iter().map(|processor| processor.in_flight()).sum();
        let balance = |side: &Side| {
            let balance = Balance {
                pipeline: Arc::clone(&self.pipeline),
                exporter: Arc::clone(&side.exporter),
                received: self.received.get() as i64 + side.restored.load(Ordering::Relaxed) as i64,
                exported: side.exported.get() as i64,
                dropped: self.dropped.load(Ordering::Relaxed) as i64 + side.withheld.get() as i64,
                refused: self.refused.get() as i64,
                lost: side.lost.load(Ordering::Relaxed) as i64,
                in_flight: side.in_flight.load(Ordering::Relaxed) + upstream as i64,
            };
            side.in_flight_gauge.set(balance.in_flight);
            side.difference_gauge.set(balance.difference());
            balance
        };
        self.exporters.iter().map(balance).collect()
    }

    fn side(&self, exporter: &str) -> Option<&Side> {
        self.exporters.iter().find(|side| &*side.exporter == exporter)
    }
}

impl Side {
    fn new(pipeline: &str, exporter: &Arc<str>, telemetry: &Telemetry) -> Self {
        let labels = ["pipeline", "exporter"];
        let gauge =
            |name, help| telemetry.gauge(name, help, &labels).with_label_values(&[pipeline, exporter]);
        Self {
            exporter: Arc::clone(exporter),
            exported: telemetry
                .counter(
                    "throughline_exporter_exported_items",
                    "Items that the exporter's destination has taken.",
                    &labels,
                )
                .with_label_values(&[pipeline, exporter]),
            withheld: telemetry
                .counter(
                    "throughline_exporter_withheld_items",
                    "Unfinished spans and new revisions, which only exporters that replace spans are given; and what an earlier run delivered.",
                    &labels,
                )
                .with_label_values(&[pipeline, exporter]),
            restored: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            in_flight_gauge: gauge(
                "throughline_pipeline_in_flight_items",
                "Items between inlet and destination.",
            ),
            difference_gauge: gauge(
                "throughline_pipeline_unaccounted_items",
                "received - exported - dropped - refused - lost - in flight; 0 whenever the pipeline is quiet.",
            ),
        }
    }
}
