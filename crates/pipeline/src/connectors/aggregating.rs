//! What connectors that make metrics have in common: spans are read as they come, points go out at every interval.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{Batch, BoxFuture, Consumer, Ctx, Drain, Hold, Memory, Outlets, Payload, Refusal, Signal};
use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::points::{Metrics, Temporality};
use crate::calendar::now_ns;

/// Batches of deltas that wait for a pipeline which refuses them.
const MOST_WAITING: usize = 64;

pub(super) trait Aggregate: Send + 'static {
    fn temporality(&self) -> Temporality;

    /// Reads the spans of one chunk.
    fn read(&mut self, chunk: &[u8], now_ns: u64);

    /// Writes what there is to tell, and begins a new interval.
    fn write(&mut self, now_ns: u64, metrics: &mut Metrics);

    /// Series, and the bytes that they take.
    fn size(&self) -> (usize, usize);
}

pub(super) struct Aggregating<A> {
    shared: Arc<Shared<A>>,
    /// Nothing where every batch is followed by its points.
    ticker: tokio::sync::Mutex<JoinSet<()>>,
    each: bool,
}

struct Shared<A> {
    id: Arc<str>,
    state: Mutex<(A, Hold)>,
    waiting: tokio::sync::Mutex<VecDeque<Batch>>,
    stop: Notify,
    outlets: Outlets,
    memory: Arc<Memory>,
    series: IntGauge,
    unsent: IntCounter,
}

impl<A: Aggregate> Aggregating<A> {
    /// With an interval of 0 points follow each batch.
    pub(super) fn start(ctx: &Ctx, aggregate: A, interval: Duration, outlets: Outlets) -> Arc<Self> {
        let labels = ["connector"];
        let series = ctx.telemetry.gauge("throughline_connector_series", "Series of the connector.", &labels);
        let unsent = ctx.telemetry.counter(
            "throughline_connector_unsent_points",
            "Points of intervals that no pipeline took; later cumulative points make up for them.",
            &labels,
        );
        let shared = Arc::new(Shared {
            id: Arc::clone(&ctx.id),
            state: Mutex::new((aggregate, ctx.memory.hold(0))),
            waiting: tokio::sync::Mutex::default(),
            stop: Notify::new(),
            outlets,
            memory: Arc::clone(&ctx.memory),
            series: series.with_label_values(&[&ctx.id]),
            unsent: unsent.with_label_values(&[&ctx.id]),
        });
        let mut ticker = JoinSet::new();
        if !interval.is_zero() {
            ticker.spawn(Arc::clone(&shared).run(interval));
        }
        Arc::new(Self { shared, ticker: tokio::sync::Mutex::new(ticker), each: interval.is_zero() })
    }
}

impl<A: Aggregate> Consumer for Aggregating<A> {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.shared.read(&batch);
            if self.each {
                self.shared.flush().await;
            }
            Ok(())
        })
    }

    fn drain(&self, _: Drain) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.stop.notify_one();
            let mut ticker = self.ticker.lock().await;
            while ticker.join_next().await.is_some() {}
            self.shared.flush().await;
        })
    }
}

impl<A: Aggregate> Shared<A> {
    async fn run(self: Arc<Self>, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is now.
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => self.flush().await,
                () = self.stop.notified() => break,
            }
        }
    }

    fn read(&self, batch: &Batch) {
        let now_ns = now_ns();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (aggregate, hold) = &mut *state;
        for chunk in batch.payload.chunks() {
            aggregate.read(chunk, now_ns);
        }
        self.measure(aggregate, hold);
    }

    fn collect(&self) -> (Temporality, Vec<Batch>) {
        let mut metrics = Metrics::default();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (aggregate, hold) = &mut *state;
        aggregate.write(now_ns(), &mut metrics);
        self.measure(aggregate, hold);
        let temporality = aggregate.temporality();
        drop(state);
        let batch = |(payload, items): (Payload, usize)| {
            let hold = self.memory.hold(payload.len());
            Batch { hold, ..Batch::new(Signal::Metrics, payload, items) }
        };
        (temporality, metrics.batches().into_iter().map(batch).collect())
    }

    fn measure(&self, aggregate: &A, hold: &mut Hold) {
        let (series, bytes) = aggregate.size();
        self.series.set(series as i64);
        hold.resize(bytes);
    }

    async fn flush(&self) {
        let Some(outlet) = self.outlets.get(Signal::Metrics) else { return };
        let mut waiting = self.waiting.lock().await;
        let (temporality, batches) = self.collect();
        waiting.extend(batches);
        while let Some(batch) = waiting.pop_front() {
            if let Err(refusal) = outlet.consume(batch.fork()).await {
                let points = batch.items;
                tracing::warn!(connector = %self.id, points, %refusal, "no pipeline takes the metrics");
                waiting.push_front(batch);
                break;
            }
        }
        // The next cumulative points say all that these say; deltas say what nobody else does.
        let kept = if temporality == Temporality::Cumulative { 0 } else { MOST_WAITING };
        while waiting.len() > kept {
            if let Some(batch) = waiting.pop_front() {
                self.unsent.inc_by(batch.items as u64);
            }
        }
    }
}
