//! Who has the most values: as metrics, and for pages that ask.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use flow::Ctx;
use prometheus::{IntCounter, IntGauge, IntGaugeVec};
use tokio::time::Instant;

use super::keys::{self, Keys};
use super::settings::Action;
use super::walk::Walk;

/// Gauges are set this often while there is traffic.
const EVERY: Duration = Duration::from_secs(10);

/// The guards of this process.
#[derive(Default)]
pub struct Guards(Mutex<Vec<Guarded>>);

struct Guarded {
    processor: Arc<str>,
    pipeline: Arc<str>,
    keys: Weak<Keys>,
}

/// One key of one guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offender {
    pub processor: Arc<str>,
    pub pipeline: Arc<str>,
    pub key: String,
    /// Distinct values in the window.
    pub estimate: u64,
    pub limit: u64,
    pub over: bool,
    pub action: Action,
    /// Attributes removed or changed since the key was first seen.
    pub acted: u64,
}

impl Guards {
    /// The keys with the most values, so many of each guard, the largest first.
    pub fn top(&self, most: usize) -> Vec<Offender> {
        let guards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for Guarded { processor, pipeline, keys } in guards.iter() {
            let Some(keys) = keys.upgrade() else { continue };
            found.extend(keys.largest(most).0.into_iter().map(|entry| Offender {
                processor: Arc::clone(processor),
                pipeline: Arc::clone(pipeline),
                key: entry.key.to_string(),
                estimate: entry.estimate(),
                limit: entry.limit.values,
                over: entry.is_over(),
                action: entry.limit.action,
                acted: entry.acted.load(Ordering::Relaxed),
            }));
        }
        found.sort_by_key(|one| Reverse(one.estimate));
        found
    }

    pub(super) fn add(&self, ctx: &Ctx, keys: &Arc<Keys>) {
        let mut guards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guards.retain(|guarded| guarded.keys.strong_count() > 0);
        let (processor, pipeline) = (Arc::clone(&ctx.id), Arc::clone(&ctx.pipeline));
        guards.push(Guarded { processor, pipeline, keys: Arc::downgrade(keys) });
    }
}

pub(super) struct Metrics {
    labels: [Arc<str>; 2],
    estimates: IntGaugeVec,
    count: IntGauge,
    over: IntGauge,
    bytes: IntGauge,
    dropped: IntCounter,
    hashed: IntCounter,
    without_room: IntCounter,
    /// When the gauges are due, and which keys they tell of.
    told: Mutex<(Option<Instant>, Vec<String>)>,
}

impl Metrics {
    pub(super) fn new(ctx: &Ctx) -> Self {
        const LABELS: [&str; 2] = ["processor", "pipeline"];
        let labels = [Arc::clone(&ctx.id), Arc::clone(&ctx.pipeline)];
        let values = [&*labels[0], &*labels[1]];
        let gauge =
            |name: &str, help: &str| ctx.telemetry.gauge(name, help, &LABELS).with_label_values(&values);
        let acted = ctx.telemetry.counter(
            "throughline_cardinality_attributes",
            "Attributes that were removed or put into buckets.",
            &["processor", "pipeline", "action"],
        );
        let acted = |action: Action| acted.with_label_values(&[values[0], values[1], action.name()]);
        Self {
            estimates: ctx.telemetry.gauge(
                "throughline_cardinality_values",
                "Distinct values of the attribute keys that have the most, estimated.",
                &["processor", "pipeline", "key"],
            ),
            count: gauge("throughline_cardinality_keys", "Attribute keys that are counted."),
            over: gauge(
                "throughline_cardinality_keys_over_limit",
                "Attribute keys with more values than allowed.",
            ),
            bytes: gauge("throughline_cardinality_memory_bytes", "Memory for estimates."),
            dropped: acted(Action::Drop),
            hashed: acted(Action::Hash),
            without_room: ctx
                .telemetry
                .counter(
                    "throughline_cardinality_uncounted_attributes",
                    "Attributes of keys for which there was no room.",
                    &LABELS,
                )
                .with_label_values(&values),
            labels,
            told: Mutex::default(),
        }
    }

    pub(super) fn add(&self, walk: &Walk<'_>) {
        self.dropped.inc_by(walk.dropped);
        self.hashed.inc_by(walk.hashed);
        self.without_room.inc_by(walk.without_room);
    }

    /// Sets the gauges, where that is due.
    pub(super) fn tell(&self, keys: &Keys, now: Instant) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, known) = &mut *told;
        if due.is_some_and(|due| now < due) {
            return;
        }
        *due = Some(now + EVERY);
        let (largest, count, over) = keys.largest(keys.settings.top);
        let labels = |key: &str| [self.labels[0].to_string(), self.labels[1].to_string(), key.to_owned()];
        for gone in known.iter().filter(|key| !largest.iter().any(|entry| *entry.key == ***key)) {
            // It may not be there, which is as well.
            drop(self.estimates.remove_label_values(&labels(gone)));
        }
        for entry in &largest {
            let estimate = i64::try_from(entry.estimate()).unwrap_or(i64::MAX);
            self.estimates.with_label_values(&labels(&entry.key)).set(estimate);
        }
        *known = largest.iter().map(|entry| entry.key.to_string()).collect();
        self.count.set(count as i64);
        self.over.set(over as i64);
        self.bytes.set(keys::bytes(count) as i64);
    }
}
