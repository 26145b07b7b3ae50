//! The state beside the process: reads memory when it is due, answers from what is known.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::{Ctx, Memory, Refusal};
use prometheus::IntGauge;
use tokio::time::Instant;

use super::state::{Limits, Reading, State, retry_after};

/// After so long without a refusal the log says that all is well again.
const QUIET: Duration = Duration::from_secs(10);

/// Tells the resident set, where the system does.
pub(super) type ResidentSet = dyn Fn() -> Option<u64> + Send + Sync;

pub(super) struct Guard {
    name: Arc<str>,
    limits: Limits,
    memory: Arc<Memory>,
    rss: Box<ResidentSet>,
    started: Instant,
    looking: Mutex<State>,
    cap: AtomicU64,
    rate: AtomicU64,
    /// Nanoseconds after the start at which memory is read again.
    due: AtomicU64,
    /// Bytes that had ever been held at the last reading.
    taken: AtomicU64,
    refusing: AtomicBool,
    /// Nanoseconds after the start.
    last_refusal: AtomicU64,
    cap_gauge: IntGauge,
}

impl Guard {
    pub(super) fn new(ctx: &Ctx, limits: Limits, rss: Box<ResidentSet>) -> Self {
        let cap_gauge = ctx
            .telemetry
            .gauge("throughline_memory_limiter_cap_bytes", "Telemetry that may be held now.", &["processor"])
            .with_label_values(&[&*ctx.id]);
        cap_gauge.set(i64::try_from(limits.soft).unwrap_or(i64::MAX));
        ctx.telemetry
            .gauge(
                "throughline_memory_limiter_limit_bytes",
                "Memory that the process may take.",
                &["processor"],
            )
            .with_label_values(&[&*ctx.id])
            .set(i64::try_from(limits.limit).unwrap_or(i64::MAX));
        Self {
            name: Arc::clone(&ctx.id),
            limits,
            memory: Arc::clone(&ctx.memory),
            rss,
            started: Instant::now(),
            looking: Mutex::new(State::new(limits)),
            cap: AtomicU64::new(limits.soft),
            rate: AtomicU64::new(u64::MAX),
            due: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            last_refusal: AtomicU64::new(0),
            cap_gauge,
        }
    }

    /// May so many bytes more be held?
    pub(super) fn ask(&self, bytes: usize, now: Instant) -> Result<(), Refusal> {
        let bytes = bytes as u64;
        // Bodies grow as they are decompressed, and batches as they fan out, so it is not enough to add up the requests.
        let taken = self.taken().saturating_add(bytes).saturating_sub(self.taken.load(Ordering::Relaxed));
        if taken > self.limits.stride() || self.since_start(now) >= self.due.load(Ordering::Relaxed) {
            self.look(now);
        }
        let wanted = self.memory.held().saturating_add(bytes);
        let cap = self.cap.load(Ordering::Relaxed);
        if wanted <= cap { Ok(()) } else { Err(self.refusal(wanted, cap, now)) }
    }

    fn look(&self, now: Instant) {
        // Somebody else is looking: what is known is young enough.
        let Ok(mut state) = self.looking.try_lock() else { return };
        self.taken.store(self.taken(), Ordering::Relaxed);
        let interval = u64::try_from(self.limits.check_interval.as_nanos()).unwrap_or(u64::MAX);
        self.due.store(self.since_start(now).saturating_add(interval), Ordering::Relaxed);
        let (held, freed) = (self.memory.held(), self.memory.freed());
        let allowance = state.observe(Reading { at: now, held, freed, rss: (self.rss)() });
        self.cap.store(allowance.cap, Ordering::Relaxed);
        self.rate.store(allowance.rate, Ordering::Relaxed);
        self.cap_gauge.set(i64::try_from(allowance.cap).unwrap_or(i64::MAX));
        let quiet = self.since_start(now).saturating_sub(self.last_refusal.load(Ordering::Relaxed));
        if u128::from(quiet) >= QUIET.as_nanos() && self.refusing.swap(false, Ordering::Relaxed) {
            tracing::info!(processor = &*self.name, held, "memory is within limits again; taking data");
        }
    }

    fn taken(&self) -> u64 {
        self.memory.held().saturating_add(self.memory.freed())
    }

    fn refusal(&self, wanted: u64, cap: u64, now: Instant) -> Refusal {
        self.last_refusal.store(self.since_start(now), Ordering::Relaxed);
        if !self.refusing.swap(true, Ordering::Relaxed) {
            let limit = self.limits.limit;
            tracing::warn!(processor = &*self.name, wanted, cap, limit, "memory is short; refusing data");
        }
        let retry = retry_after(wanted.saturating_sub(cap), self.rate.load(Ordering::Relaxed));
        let seconds = retry.as_secs();
        let why = format!("data refused due to high memory usage; repeat the request in {seconds} s");
        Refusal::busy(why, retry)
    }

    fn since_start(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_nanos()).unwrap_or(u64::MAX)
    }
}
