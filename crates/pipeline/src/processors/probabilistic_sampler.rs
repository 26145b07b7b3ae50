//! `probabilistic_sampler`: keeps a share of the traces, the same ones at every collector.

mod settings;
mod threshold;

use std::sync::Arc;

use flow::config::Node;
use flow::otlp::revise::{Around, Fate, Sieve, Spare, sift};
use flow::otlp::splice::with_field;
use flow::otlp::view::{Value, attribute, trace_id};
use flow::wire::{fields_of, put_len};
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};
use prometheus::{IntCounter, IntCounterVec};
use throughline_context::Tracestate;

use super::left_out::LeftOut;
use settings::{Mode, Settings};
use threshold::{ALL, NONE, from_hash, from_trace_id, probability, threshold};

pub static FACTORY: Factory = Factory {
    name: "probabilistic_sampler",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Processor(make),
};

/// Field numbers of a span.
const TRACE_STATE: u32 = 3;
const ATTRIBUTES: u32 = 9;

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let settings = section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let counted = ctx.telemetry.counter(
        "otelcol_processor_probabilistic_sampler_count_traces_sampled",
        "As in the OpenTelemetry Collector.",
        &["policy", "sampled"],
    );
    Ok(Arc::new(Processor {
        sampler: Sampler::new(&settings),
        counters: Policy::ALL.map(|policy| Counter::new(&counted, policy)),
        spare: Spare::default(),
        left_out: LeftOut::new(ctx, "sampled_out", next),
    }))
}

struct Processor {
    sampler: Sampler,
    counters: [Counter; 5],
    spare: Spare,
    left_out: LeftOut,
}

struct Counter {
    sampled: IntCounter,
    not: IntCounter,
}

impl Counter {
    fn new(family: &IntCounterVec, policy: Policy) -> Self {
        let of = |sampled| family.with_label_values(&[policy.name(), sampled]);
        Self { sampled: of("true"), not: of("false") }
    }
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.left_out.next().admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let mut run = Run { sampler: &self.sampler, counts: [[0; 2]; 5] };
        let gone = self.spare.with(|revisions| sift(&mut batch, revisions, &mut run));
        let counts = run.counts;
        Box::pin(async move {
            self.left_out.pass_on(batch, gone).await?;
            for (counter, [sampled, not]) in self.counters.iter().zip(counts) {
                counter.sampled.inc_by(sampled);
                counter.not.inc_by(not);
            }
            Ok(())
        })
    }
}

/// What decided, as the collector's metric names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Policy {
    TraceIdHash,
    TraceIdW3c,
    Randomness,
    Priority,
    Missing,
}

impl Policy {
    const ALL: [Self; 5] =
        [Self::TraceIdHash, Self::TraceIdW3c, Self::Randomness, Self::Priority, Self::Missing];

    fn name(self) -> &'static str {
        match self {
            Self::TraceIdHash => "trace_id_hash",
            Self::TraceIdW3c => "trace_id_w3c",
            Self::Randomness => "sampling_randomness",
            Self::Priority => "sampling_priority",
            Self::Missing => "missing_randomness",
        }
    }
}

/// One batch on its way through.
struct Run<'p> {
    sampler: &'p Sampler,
    /// By policy: sampled, and not.
    counts: [[u64; 2]; 5],
}

impl Sieve for Run<'_> {
    fn span(&mut self, _: &Around<'_>, span: &[u8]) -> Fate {
        let (fate, policy) = self.sampler.decide(span);
        let nth = Policy::ALL.iter().position(|known| *known == policy).unwrap_or_default();
        let sampled = usize::from(fate == Fate::Remove);
        if let Some(count) = self.counts.get_mut(nth).and_then(|counts| counts.get_mut(sampled)) {
            *count += 1;
        }
        fate
    }
}

struct Sampler {
    mode: Mode,
    hash_seed: u32,
    fail_closed: bool,
    precision: u32,
    /// From 0 to 1.
    ratio: f64,
    /// For the modes in which it does not depend on the span.
    threshold: u64,
}

/// What a span says about its own sampling.
struct Said {
    /// Nothing where it cannot be read: then it leaves as it came.
    state: Option<Tracestate>,
    threshold: Option<u64>,
    randomness: Option<u64>,
}

impl Said {
    fn by(span: &[u8]) -> Self {
        let text = fields_of(span, 0..span.len(), TRACE_STATE).next().map_or("", |state| state.text());
        let state: Option<Tracestate> =
            if text.is_empty() { Some(Tracestate::default()) } else { text.parse().ok() };
        let ot = state.as_ref().and_then(Tracestate::ot);
        let (threshold, randomness) = ot.map_or((None, None), |ot| (ot.threshold(), ot.randomness()));
        Self { state, threshold, randomness }
    }
}

impl Sampler {
    fn new(settings: &Settings) -> Self {
        let percentage = settings.sampling_percentage.min(100.0);
        let ratio = f64::from(percentage) / 100.0;
        let threshold = match settings.mode() {
            _ if percentage == 0.0 => NONE,
            Mode::HashSeed => threshold::of_buckets(percentage),
            Mode::Equalizing | Mode::Proportional => {
                threshold(ratio, settings.sampling_precision).unwrap_or(NONE)
            }
        };
        Self {
            mode: settings.mode(),
            hash_seed: settings.hash_seed,
            fail_closed: settings.fail_closed,
            precision: settings.sampling_precision,
            ratio,
            threshold,
        }
    }

    fn decide(&self, span: &[u8]) -> (Fate, Policy) {
        let priority = attribute(span, ATTRIBUTES, "sampling.priority").and_then(priority);
        if priority == Some(false) {
            return (Fate::Remove, Policy::Priority);
        }
        let mut said = Said::by(span);
        let (randomness, policy) = self.randomness(trace_id(span), &said);
        let sound = self.is_sound(randomness, &mut said);
        let threshold = match priority {
            Some(_) => ALL,
            None if sound => self.threshold_for(&said),
            None if self.fail_closed => NONE,
            None => ALL,
        };
        let policy = if priority.is_some() { Policy::Priority } else { policy };
        // A span without randomness is above every threshold but the one that nothing is above.
        if randomness.unwrap_or(NONE - 1) < threshold {
            return (Fate::Remove, policy);
        }
        let explicit = randomness.filter(|_| self.mode == Mode::HashSeed && sound);
        (marked(span, said, threshold, explicit).map_or(Fate::Keep, Fate::Replace), policy)
    }

    fn randomness(&self, id: &[u8], said: &Said) -> (Option<u64>, Policy) {
        let missing = id.iter().all(|byte| *byte == 0);
        match self.mode {
            Mode::HashSeed if missing => (None, Policy::Missing),
            Mode::HashSeed => (Some(from_hash(id, self.hash_seed)), Policy::TraceIdHash),
            _ if said.randomness.is_some() => (said.randomness, Policy::Randomness),
            _ if missing => (None, Policy::Missing),
            _ => (Some(from_trace_id(id)), Policy::TraceIdW3c),
        }
    }

    /// Whether what the span says of its sampling allows a decision.
    fn is_sound(&self, randomness: Option<u64>, said: &mut Said) -> bool {
        if self.mode == Mode::HashSeed && (said.randomness.is_some() || said.threshold.is_some()) {
            return false;
        }
        let Some(randomness) = randomness else { return false };
        let consistent = said.threshold.is_none_or(|threshold| randomness >= threshold);
        if !consistent {
            // It should have been left out earlier, so its threshold means nothing.
            said.threshold = None;
        }
        consistent
    }

    fn threshold_for(&self, said: &Said) -> u64 {
        match (self.mode, said.threshold) {
            (Mode::Proportional, Some(before)) if self.threshold < NONE => {
                threshold(probability(before) * self.ratio, self.precision).unwrap_or(NONE)
            }
            _ => self.threshold,
        }
    }
}

/// The span with the threshold that it has passed; a lower one than it says already does not count.
fn marked(span: &[u8], said: Said, threshold: u64, randomness: Option<u64>) -> Option<Vec<u8>> {
    let mut state = said.state?;
    let before = state.clone();
    let highest = said.threshold.map_or(threshold, |old| old.max(threshold));
    let mut set = || {
        if let Some(randomness) = randomness {
            state.set_randomness(Some(randomness))?;
        }
        state.set_threshold(Some(highest))
    };
    set().ok()?;
    if state == before {
        return None;
    }
    let mut field = Vec::new();
    put_len(&mut field, TRACE_STATE, state.as_str().as_bytes());
    Some(with_field(span, TRACE_STATE, &field))
}

/// Whether the attribute `sampling.priority` asks for the span to be kept, or not; nothing where it says neither.
fn priority(value: Value<'_>) -> Option<bool> {
    #[expect(clippy::cast_precision_loss, reason = "only its sign matters")]
    let number = match value {
        Value::Int(number) => number as f64,
        Value::Double(number) => number,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    match number {
        0.0 => Some(false),
        number => (number > 0.0).then_some(true),
    }
}

#[cfg(test)]
mod tests;
