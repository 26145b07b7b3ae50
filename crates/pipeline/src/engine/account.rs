//! The conservation law, kept per pipeline and exporter:
//! `received = exported + dropped + refused + lost + in flight`, exactly whenever the pipeline is quiet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use flow::{Ack, Batch, Consumer, Outcome, Telemetry};
use prometheus::{IntCounter, IntGauge};

use super::tail::is_same;

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
    /// Every exporter that it ever had.
    exporters: RwLock<Vec<Side>>,
    /// Items that exporters were given or that were lost in front of them, and that one which comes later was not there for.
    past: AtomicU64,
    processors: Mutex<Vec<Arc<dyn Consumer>>>,
    telemetry: Telemetry,
}

/// The account of what one exporter was given by one pipeline.
struct Side {
    exporter: Arc<str>,
    /// The pipeline gives to it now.
    given: AtomicBool,
    /// Items of the pipeline that passed while it did not.
    absent: AtomicU64,
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

    /// The account of a pipeline that gives to these; one that was there before goes on.
    pub fn open(&self, pipeline: &str, exporters: &[Arc<str>]) -> Arc<Account> {
        let mut pipelines = self.all_pipelines();
        let new = || Arc::new(Account::new(pipeline, self.telemetry.clone()));
        let account = Arc::clone(pipelines.entry(Arc::from(pipeline)).or_insert_with(new));
        drop(pipelines);
        account.give_to(exporters);
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
    fn new(pipeline: &str, telemetry: Telemetry) -> Self {
        let one = |name, help| telemetry.counter(name, help, &["pipeline"]).with_label_values(&[pipeline]);
        let received = one("throughline_pipeline_received_items", "Items that reached the pipeline's inlet.");
        let refused = one("throughline_pipeline_refused_items", "Items handed back to the client.");
        Self {
            pipeline: Arc::from(pipeline),
            received,
            refused,
            dropped: AtomicU64::new(0),
            exporters: RwLock::default(),
            past: AtomicU64::new(0),
            processors: Mutex::default(),
            telemetry,
        }
    }

    /// The pipeline gives to these from now on. One that it gave to may still have items in flight.
    pub fn give_to(&self, exporters: &[Arc<str>]) {
        let mut sides = self.exporters.write().unwrap_or_else(PoisonError::into_inner);
        for side in sides.iter() {
            side.given.store(exporters.contains(&side.exporter), Ordering::Relaxed);
        }
        for exporter in exporters {
            if !sides.iter().any(|side| side.exporter == *exporter) {
                let side = Side::new(&self.pipeline, exporter, &self.telemetry);
                side.absent.store(self.past.load(Ordering::Relaxed), Ordering::Relaxed);
                sides.push(side);
            }
        }
    }

    /// Items that only these exporters were given.
    pub fn passed(&self, given: &[&str], items: u64) {
        let sides = self.sides();
        self.past.fetch_add(items, Ordering::Relaxed);
        for side in sides.iter().filter(|side| !given.contains(&&*side.exporter)) {
            side.absent.fetch_add(items, Ordering::Relaxed);
        }
    }

    /// The processors whose buffers count as in flight.
    pub fn watch(&self, processors: Vec<Arc<dyn Consumer>>) {
        *self.processors.lock().unwrap_or_else(PoisonError::into_inner) = processors;
    }

    /// Of those only these, and what holds items that stay in the journal for the next run.
    pub(super) fn watch_on(&self, processors: &[Arc<dyn Consumer>]) {
        let mut watched = self.processors.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|one| one.in_flight() > 0 || processors.iter().any(|other| is_same(one, other)));
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
        self.settle_dropped(&batch.ack);
    }

    /// An exporter has taken items in; they are its business now.
    pub fn enqueued(&self, exporter: &str, items: usize) {
        self.at(exporter, |side| {
            side.in_flight.fetch_add(items as i64, Ordering::Relaxed);
        });
    }

    pub fn exported(&self, exporter: &str, items: usize) {
        self.at(exporter, |side| {
            side.exported.inc_by(items as u64);
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        });
    }

    /// Items go back to whoever sent them.
    pub fn withdrawn(&self, exporter: &str, items: usize) {
        self.at(exporter, |side| {
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        });
    }

    /// Items that are not for exporters of this kind, or that this one has from an earlier run.
    pub fn withheld(&self, exporter: &str, items: usize) {
        self.at(exporter, |side| {
            side.withheld.inc_by(items as u64);
        });
    }

    /// Items that were in flight at this exporter are gone.
    pub fn lost(&self, exporter: &str, items: usize, reason: &'static str) {
        self.at(exporter, |side| {
            side.in_flight.fetch_sub(items as i64, Ordering::Relaxed);
        });
        self.never_taken(exporter, items, reason);
    }

    /// Items that this exporter did not take in while another one did.
    pub fn never_taken(&self, exporter: &str, items: usize, reason: &'static str) {
        self.at(exporter, |side| self.lost_at(side, items, reason));
    }

    fn lost_at(&self, side: &Side, items: usize, reason: &'static str) {
        side.lost.fetch_add(items as u64, Ordering::Relaxed);
        self.telemetry
            .counter(
                "throughline_exporter_lost_items",
                "Items that were accepted and did not reach the exporter's destination.",
                &["pipeline", "exporter", "reason"],
            )
            .with_label_values(&[&*self.pipeline, &*side.exporter, reason])
            .inc_by(items as u64);
    }

    /// Items of these requests that were left out on purpose, before they reached any exporter.
    pub fn dropped_for_all(&self, acks: &[Ack], items: usize, reason: &str) {
        self.dropped(items, reason);
        acks.iter().for_each(|ack| self.settle_dropped(ack));
    }

    fn settle_dropped(&self, ack: &Ack) {
        for side in self.sides().iter().filter(|side| side.is_given()) {
            ack.settle(&side.exporter, Outcome::Dropped);
        }
    }

    /// A batch that was lost before it reached any exporter.
    pub fn lost_for_all(&self, batch: &Batch, reason: &'static str) {
        let sides = self.sides();
        self.past.fetch_add(batch.items as u64, Ordering::Relaxed);
        for side in sides.iter() {
            if !side.is_given() {
                side.absent.fetch_add(batch.items as u64, Ordering::Relaxed);
                continue;
            }
            if batch.is_known_to(&side.exporter) {
                side.withheld.inc_by(batch.items as u64);
                continue;
            }
            self.lost_at(side, batch.items, reason);
            batch.ack.settle(&side.exporter, Outcome::Lost(reason));
        }
    }

    /// Items that an exporter's queue brings from an earlier run; they never came through the inlet of this one.
    pub fn restored(&self, exporter: &str, items: usize) {
        self.at(exporter, |side| {
            side.restored.fetch_add(items as u64, Ordering::Relaxed);
            side.in_flight.fetch_add(items as i64, Ordering::Relaxed);
        });
    }

    pub fn balances(&self) -> Vec<Balance> {
        let processors = self.processors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let upstream: u64 = processors.iter().map(|processor| processor.in_flight()).sum();
        let balance = |side: &Side| {
            let balance = Balance {
                pipeline: Arc::clone(&self.pipeline),
                exporter: Arc::clone(&side.exporter),
                received: self.received.get() as i64 + side.restored.load(Ordering::Relaxed) as i64
                    - side.absent.load(Ordering::Relaxed) as i64,
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
        let sides = self.sides();
        for left in sides.iter().filter(|side| !side.is_given()) {
            left.in_flight_gauge.set(left.in_flight.load(Ordering::Relaxed));
            left.difference_gauge.set(0);
        }
        sides.iter().filter(|side| side.is_given()).map(balance).collect()
    }

    fn at(&self, exporter: &str, book: impl FnOnce(&Side)) {
        if let Some(side) = self.sides().iter().find(|side| &*side.exporter == exporter) {
            book(side);
        }
    }

    fn sides(&self) -> RwLockReadGuard<'_, Vec<Side>> {
        self.exporters.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side {
    fn is_given(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    fn new(pipeline: &str, exporter: &Arc<str>, telemetry: &Telemetry) -> Self {
        let labels = ["pipeline", "exporter"];
        let gauge =
            |name, help| telemetry.gauge(name, help, &labels).with_label_values(&[pipeline, exporter]);
        Self {
            exporter: Arc::clone(exporter),
            given: AtomicBool::new(true),
            absent: AtomicU64::new(0),
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
