//! The sending side: stamps requests, reads the stamps of answers, tells what follows from them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::config::{Finding, Node};
use flow::{Ctx, Telemetry};
use http::{HeaderMap, HeaderValue};
use prometheus::{Gauge, Histogram, IntCounter};
use serde::Deserialize;
use tokio::time::Instant;

use super::offset::{Heard, Interval, Offset, Sample};
use super::stamps::{Answer, CLOCKS, Known, Request, is_region};
use super::{HEADER, WallClock};

/// `transit` of an exporter: which way its batches go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Seconds.
const BUCKETS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 5.0];
const LABELS: [&str; 3] = ["exporter", "from", "to"];

/// What is known of the way from here to one place.
pub(crate) struct Transit {
    from: String,
    wall: Arc<WallClock>,
    start: Instant,
    clocks: Mutex<Vec<Clock>>,
    metrics: Metrics,
}

/// Of one receiver; the one heard last stands last.
struct Clock {
    id: u64,
    offset: Offset,
}

struct Metrics {
    transit: Histogram,
    round_trip: Histogram,
    error: Gauge,
    offset: Gauge,
    steps: IntCounter,
    unstamped: IntCounter,
}

/// A request that was stamped.
pub(crate) struct Stamped {
    sent: u64,
    at: Instant,
}

impl Settings {
    pub(crate) fn check(&self, at: &Node) -> Vec<Finding> {
        let names = [("from", &self.from), ("to", &self.to)];
        let wrong = names.into_iter().filter(|(_, name)| !is_region(name)).map(|(key, name)| {
            let what = if name.is_empty() {
                "the name of a region is missing"
            } else {
                "this is not the name of a region"
            };
            let help = "write for example eu-west-2: letters, digits, dashes, dots; 64 at most";
            Finding::error(at.get(key).unwrap_or(at), what).help(help)
        });
        wrong.collect()
    }
}

impl Transit {
    pub(crate) fn new(settings: &Settings, ctx: &Ctx) -> Self {
        Self {
            from: settings.from.clone(),
            wall: ctx.get().unwrap_or_default(),
            start: Instant::now(),
            clocks: Mutex::default(),
            metrics: Metrics::new(&ctx.telemetry, &[&ctx.id, &settings.from, &settings.to]),
        }
    }

    /// Right before the request is given to its connection.
    pub(crate) fn stamp(&self, headers: &mut HeaderMap) -> Stamped {
        let at = Instant::now();
        let known = self.clocks().iter().filter_map(|clock| clock.known(at - self.start)).collect();
        let request = Request { sent: self.wall.now(), region: self.from.clone(), known };
        if let Ok(value) = HeaderValue::from_str(&request.to_string()) {
            headers.insert(HEADER, value);
        }
        Stamped { sent: request.sent, at }
    }

    /// When the head of the answer is there.
    pub(crate) fn heard(&self, stamped: &Stamped, headers: &HeaderMap) {
        let now = Instant::now();
        let text = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let Some(answer) = text.and_then(Answer::read) else { return self.metrics.unstamped.inc() };
        let Answer { clock, received, whole, answered } = answer;
        let sample = Sample { sent: stamped.sent, received, answered, elapsed: now - stamped.at };
        if let Some(offset) = self.take_in(clock, &sample, now - self.start) {
            let delay = if whole > 0 { sample.delay(whole, offset) } else { None };
            self.metrics.tell(&sample, offset, delay);
        }
    }

    fn take_in(&self, id: u64, sample: &Sample, at: Duration) -> Option<Interval> {
        let mut clocks = self.clocks();
        let known = clocks.iter().position(|clock| clock.id == id).map(|nth| clocks.remove(nth));
        let mut clock = known.unwrap_or(Clock { id, offset: Offset::default() });
        if clocks.len() >= CLOCKS {
            clocks.remove(0);
        }
        match clock.offset.hear(sample, at) {
            Heard::Narrower => {}
            Heard::Stepped => self.metrics.steps.inc(),
            Heard::Impossible => self.metrics.unstamped.inc(),
        }
        let offset = clock.offset.at(at);
        clocks.push(clock);
        offset
    }

    fn clocks(&self) -> std::sync::MutexGuard<'_, Vec<Clock>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    fn known(&self, at: Duration) -> Option<Known> {
        let offset = self.offset.at(at)?;
        Some(Known {
            clock: self.id,
            offset: i64::try_from(offset.middle()).ok()?,
            error: u64::try_from(offset.half()).ok()?,
        })
    }
}

impl Metrics {
    fn new(telemetry: &Telemetry, values: &[&str; 3]) -> Self {
        let histogram =
            |name, help| telemetry.histogram(name, help, &LABELS, &BUCKETS).with_label_values(values);
        let gauge = |name, help| telemetry.level(name, help, &LABELS).with_label_values(values);
        let counter = |name, help| telemetry.counter(name, help, &LABELS).with_label_values(values);
        Self {
            transit: histogram(
                "throughline_region_transit_seconds",
                "From send to whole arrival of each batch.",
            ),
            round_trip: histogram(
                "throughline_region_round_trip_seconds",
                "Of each batch and its answer on the network, without the receiver's work.",
            ),
            error: gauge(
                "throughline_region_transit_error_seconds",
                "The transit last told is wrong by this much at most.",
            ),
            offset: gauge(
                "throughline_region_clock_offset_seconds",
                "So far is the receiver's clock ahead of ours; wrong by as much as the transit.",
            ),
            steps: counter(
                "throughline_region_clock_steps",
                "Times that a clock was set, and all was learnt anew.",
            ),
            unstamped: counter(
                "throughline_region_unstamped_answers",
                "Answers without stamps, or with stamps that cannot be.",
            ),
        }
    }

    fn tell(&self, sample: &Sample, offset: Interval, delay: Option<Interval>) {
        let seconds = |nanos: i128| nanos as f64 / 1e9;
        self.round_trip.observe(seconds(sample.round_trip().max(0)));
        self.offset.set(seconds(offset.middle()));
        if let Some(delay) = delay {
            self.transit.observe(seconds(delay.middle()));
            self.error.set(seconds(delay.half()));
        }
    }
}
