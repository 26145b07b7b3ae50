//! Own telemetry: families of counters and gauges, made at first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

/// The metrics of this process.
#[derive(Clone, Default)]
pub struct Telemetry {
    inner: Arc<Mutex<Families>>,
}

#[derive(Default)]
struct Families {
    registry: Registry,
    counters: HashMap<String, IntCounterVec>,
    gauges: HashMap<String, IntGaugeVec>,
    levels: HashMap<String, GaugeVec>,
    histograms: HashMap<String, HistogramVec>,
}

impl Telemetry {
    /// What the Prometheus endpoint gathers from.
    pub fn registry(&self) -> Registry {
        self.families().registry.clone()
    }

    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let mut families = self.families();
        if let Some(known) = families.counters.get(name) {
            return known.clone();
        }
        let made = made(IntCounterVec::new(Opts::new(name, help), labels));
        register(&families.registry, &made);
        families.counters.insert(name.to_owned(), made.clone());
        made
    }

    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let mut families = self.families();
        if let Some(known) = families.gauges.get(name) {
            return known.clone();
        }
        let made = made(IntGaugeVec::new(Opts::new(name, help), labels));
        register(&families.registry, &made);
        families.gauges.insert(name.to_owned(), made.clone());
        made
    }

    /// A gauge that is no whole number: seconds, shares.
    pub fn level(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        let mut families = self.families();
        if let Some(known) = families.levels.get(name) {
            return known.clone();
        }
        let made = made(GaugeVec::new(Opts::new(name, help), labels));
        register(&families.registry, &made);
        families.levels.insert(name.to_owned(), made.clone());
        made
    }

    pub fn histogram(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let mut families = self.families();
        if let Some(known) = families.histograms.get(name) {
            return known.clone();
        }
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let made = made(HistogramVec::new(opts, labels));
        register(&families.registry, &made);
        families.histograms.insert(name.to_owned(), made.clone());
        made
    }

    fn families(&self) -> std::sync::MutexGuard<'_, Families> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are literals in the code; the first run shows a bad one"
)]
fn made<T>(family: Result<T, prometheus::Error>) -> T {
    family.expect("a valid metric name and valid labels")
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are literals in the code; the first run shows a clash"
)]
fn register(registry: &Registry, family: &(impl Collector + Clone + 'static)) {
    registry.register(Box::new(family.clone())).expect("one metric name for one kind of family");
}
