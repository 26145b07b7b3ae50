//! What comes out of calls, given to the pipeline: beside the messages, never in their way.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flow::{Consumer, Ctx};
use prometheus::{IntCounterVec, IntGauge};
use throughline_sip::{Edit, Heads, Message};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::call::{Calls, Counts, Finished};
use crate::hop::{End, Hop, Tracing};
use crate::transport::now;

const BETWEEN: Duration = Duration::from_millis(100);
/// How long the pipeline may refuse before spans are offered again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the pipeline may take for the last spans.
const AT_THE_END: Duration = Duration::from_secs(5);

/// Calls, and who shows them what passes.
pub(crate) trait Watched: Send + 'static {
    fn calls(&mut self) -> &mut Calls;

    /// Time passes.
    fn turn(&mut self, now: u64);

    /// Nothing more comes.
    fn close(&mut self, now: u64);
}

/// The edge tells them the time.
impl Watched for Calls {
    fn calls(&mut self) -> &mut Calls {
        self
    }

    fn turn(&mut self, _: u64) {}

    fn close(&mut self, now: u64) {
        Calls::close(self, now);
    }
}

/// Calls that are watched for a receiver.
pub(crate) struct Watch<W> {
    watched: Arc<Mutex<W>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Watch<Calls> {
    /// For those whom messages pass.
    pub(crate) fn tracing(&self) -> Box<dyn Tracing> {
        Box::new(Told(self.watched()))
    }
}

impl<W: Watched> Watch<W> {
    pub(crate) fn start(watched: W, ctx: &Ctx, traces: Arc<dyn Consumer>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let watched = Arc::new(Mutex::new(watched));
        let meters = Meters::new(ctx);
        let giver = Giver { watched: Arc::clone(&watched), lost: meters.lost.clone(), traces };
        Self { watched, stop, task: tokio::spawn(giver.run(meters, stopped)) }
    }

    pub(crate) fn watched(&self) -> Arc<Mutex<W>> {
        Arc::clone(&self.watched)
    }

    /// Ends calls that go on, and gives what is there to the pipeline.
    pub(crate) async fn end(self, now: u64) {
        locked(&self.watched).close(now);
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the last spans of calls were not given to the pipeline");
        }
    }
}

struct Told(Arc<Mutex<Calls>>);

impl Tracing for Told {
    fn request(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        locked(&self.0).request(hop, message, heads, edit);
    }

    fn response(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        locked(&self.0).response(hop, message, heads, edit);
    }

    fn answered(&mut self, at: u64, from: &End<'_>, request: &Message, status: u16) {
        locked(&self.0).answered(at, from, request, status);
    }

    fn tick(&mut self, now: u64) {
        locked(&self.0).tick(now);
    }
}

struct Giver<W: Watched> {
    watched: Arc<Mutex<W>>,
    lost: prometheus::IntCounter,
    traces: Arc<dyn Consumer>,
}

/// Spans that the pipeline is asked to take. Whoever stops waiting for its answer has not given them.
struct Offered<'g, W: Watched> {
    to: &'g Giver<W>,
    finished: Option<Finished>,
}

impl<W: Watched> Drop for Offered<'_, W> {
    fn drop(&mut self) {
        if let Some(finished) = self.finished.take() {
            locked(&self.to.watched).calls().put_back(finished);
        }
    }
}

impl<W: Watched> Giver<W> {
    async fn run(self, mut meters: Meters, mut stopped: watch::Receiver<bool>) {
        let mut offer_at = Instant::now();
        while !*stopped.borrow() {
            self.turn(&mut meters);
            if offer_at <= Instant::now() && !self.give_in_time(&mut meters, &mut stopped).await {
                offer_at = Instant::now() + AGAIN;
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN) => {}
                _ = stopped.changed() => {}
            }
        }
        let end = Instant::now() + AT_THE_END;
        while !matches!(timeout_at(end, self.give()).await, Ok(true)) && Instant::now() < end {
            tokio::time::sleep(BETWEEN).await;
        }
        let mut left = 0;
        while let Some(finished) = self.finished() {
            left += self.lose(&finished);
        }
        if left > 0 {
            tracing::error!(spans = left, "lost: the pipeline did not take them in time");
        }
        meters.show(&self.counts());
    }

    fn turn(&self, meters: &mut Meters) {
        locked(&self.watched).turn(now());
        meters.show(&self.counts());
    }

    /// Gives what is there; meanwhile time passes for calls, however long the pipeline takes. False where it takes nothing
    /// now, or not before the end.
    async fn give_in_time(&self, meters: &mut Meters, stopped: &mut watch::Receiver<bool>) -> bool {
        let mut giving = pin!(self.give());
        while !*stopped.borrow() {
            tokio::select! {
                gave = &mut giving => return gave,
                () = tokio::time::sleep(BETWEEN) => self.turn(meters),
                _ = stopped.changed() => {}
            }
        }
        timeout(AT_THE_END, giving).await.unwrap_or(false)
    }

    /// Gives what is there; false where the pipeline takes nothing now.
    async fn give(&self) -> bool {
        loop {
            let Some(finished) = self.finished() else { return true };
            let batch = finished.batch();
            let mut offered = Offered { to: self, finished: Some(finished) };
            match self.traces.consume(batch).await {
                Ok(()) => offered.finished = None,
                Err(refusal) if refusal.retryable() => {
                    tracing::debug!(%refusal, "spans of calls wait");
                    return false;
                }
                Err(refusal) => {
                    let spans = offered.finished.take().map_or(0, |finished| self.lose(&finished));
                    tracing::error!(spans, %refusal, "lost: the pipeline refuses them for good");
                }
            }
        }
    }

    fn finished(&self) -> Option<Finished> {
        locked(&self.watched).calls().finished()
    }

    fn counts(&self) -> Counts {
        locked(&self.watched).calls().counts()
    }

    fn lose(&self, finished: &Finished) -> u64 {
        let spans = finished.spans() as u64;
        self.lost.inc_by(spans);
        spans
    }
}

struct Meters {
    receiver: Arc<str>,
    calls: IntGauge,
    bytes: IntGauge,
    events: IntCounterVec,
    lost: prometheus::IntCounter,
    shown: Counts,
}

impl Meters {
    fn new(ctx: &Ctx) -> Self {
        let telemetry = &ctx.telemetry;
        let receiver = Arc::clone(&ctx.id);
        let gauge = |name, help| telemetry.gauge(name, help, &["receiver"]).with_label_values(&[&*receiver]);
        Self {
            calls: gauge("throughline_sip_calls", "Calls that are remembered."),
            bytes: gauge("throughline_sip_calls_bytes", "Memory that remembered calls take."),
            events: telemetry.counter(
                "throughline_sip_call_events",
                "Calls that began, were linked to the one they were transferred from, or left early.",
                &["receiver", "event"],
            ),
            lost: telemetry
                .counter(
                    "throughline_sip_lost_spans",
                    "Spans of calls that the pipeline did not take.",
                    &["receiver"],
                )
                .with_label_values(&[&*receiver]),
            receiver,
            shown: Counts::default(),
        }
    }

    fn show(&mut self, counts: &Counts) {
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.calls.set(whole(counts.calls));
        self.bytes.set(whole(counts.bytes));
        let shown = std::mem::replace(&mut self.shown, *counts);
        self.lost.inc_by(counts.spans_lost - shown.spans_lost);
        for (event, before, now) in [
            ("begun", shown.begun, counts.begun),
            ("evicted", shown.evicted, counts.evicted),
            ("expired", shown.expired, counts.expired),
            ("linked", shown.linked, counts.linked),
            ("guessed", shown.guessed, counts.guessed),
            ("ambiguous", shown.ambiguous, counts.ambiguous),
            ("unchanged", shown.unchanged, counts.unchanged),
            ("unknown", shown.unknown, counts.unknown),
        ] {
            self.events.with_label_values(&[&*self.receiver, event]).inc_by(now.saturating_sub(before));
        }
    }
}

fn locked<W>(watched: &Mutex<W>) -> MutexGuard<'_, W> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}
