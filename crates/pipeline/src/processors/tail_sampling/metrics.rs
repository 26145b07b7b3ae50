//! The collector's metrics of its `tailsamplingprocessor`, and our own.

use flow::Ctx;
use prometheus::{Histogram, IntCounter, IntGauge};

use super::policy::Policies;
use super::shard::Tally;

const HELP: &str = "As in the OpenTelemetry Collector.";
const SECOND: f64 = 1e9;

/// Seconds, as the collector has them for ages.
const AGES: [f64; 16] = [1., 2., 5., 7., 10., 15., 20., 30., 40., 50., 60., 90., 120., 180., 300., 600.];
/// Milliseconds.
const LATENCIES: [f64; 17] =
    [1., 2., 5., 10., 25., 50., 75., 100., 150., 200., 300., 400., 500., 750., 1000., 2000., 5000.];

pub(super) struct Metrics {
    ctx: Ctx,
    global_sampled: IntCounter,
    global_not_sampled: IntCounter,
    spans_sampled: IntCounter,
    late_sampled: IntCounter,
    late_left_out: IntCounter,
    new_traces: IntCounter,
    too_large: IntCounter,
    early_by_traces: IntCounter,
    early_by_bytes: IntCounter,
    late_ages: Histogram,
    ages: Histogram,
    tick: Histogram,
    on_memory: IntGauge,
    held: IntGauge,
}

struct OfPolicy {
    sampled: IntCounter,
    not_sampled: IntCounter,
    dropped: IntCounter,
    failed: IntCounter,
    asked: IntCounter,
}

impl Metrics {
    pub(super) fn new(ctx: &Ctx, policies: &Policies) -> Self {
        let telemetry = &ctx.telemetry;
        let one =
            |what: &str| telemetry.counter(&name(what), HELP, &["processor"]).with_label_values(&[&*ctx.id]);
        let two = |what: &str, sampled: &str| {
            let family = telemetry.counter(&name(what), HELP, &["processor", "sampled"]);
            family.with_label_values(&[&*ctx.id, sampled])
        };
        let early = |reason: &str| {
            let help = "Traces decided before their time, since there was no more room for pending ones.";
            let family = telemetry.counter(
                "throughline_tail_sampling_early_decisions",
                help,
                &["processor", "reason"],
            );
            family.with_label_values(&[&*ctx.id, reason])
        };
        let histogram = |what: &str, buckets: &[f64]| {
            telemetry.histogram(&name(what), HELP, &["processor"], buckets).with_label_values(&[&*ctx.id])
        };
        // From the beginning, so that a rate can be taken of the first one.
        policies.list.iter().for_each(|policy| drop(OfPolicy::new(ctx, &policy.named.name)));
        // Never lost here, so always 0: dashboards ask for it.
        one("sampling_trace_dropped_too_early");
        let gauge = |name: &str, help: &str| {
            telemetry.gauge(name, help, &["processor"]).with_label_values(&[&*ctx.id])
        };
        Self {
            ctx: ctx.clone(),
            global_sampled: two("global_count_traces_sampled", "true"),
            global_not_sampled: two("global_count_traces_sampled", "false"),
            spans_sampled: one("count_spans_sampled"),
            late_sampled: two("early_releases_from_cache_decision", "true"),
            late_left_out: two("early_releases_from_cache_decision", "false"),
            new_traces: one("new_trace_id_received"),
            too_large: one("traces_dropped_too_large"),
            early_by_traces: early("num_traces"),
            early_by_bytes: early("max_pending_mib"),
            late_ages: histogram("sampling_late_span_age", &AGES),
            ages: histogram("sampling_trace_removal_age", &AGES),
            tick: histogram("sampling_decision_timer_latency", &LATENCIES),
            on_memory: gauge(&name("sampling_traces_on_memory"), HELP),
            held: gauge(
                "throughline_tail_sampling_pending_bytes",
                "Memory that pending traces and remembered decisions take.",
            ),
        }
    }

    pub(super) fn add(&self, tally: &Tally) {
        for (policy, answers) in &tally.policies {
            let counts = OfPolicy::new(&self.ctx, policy);
            counts.sampled.inc_by(answers.sampled);
            counts.not_sampled.inc_by(answers.not_sampled);
            counts.dropped.inc_by(answers.dropped);
            counts.failed.inc_by(answers.failed);
            let all = answers.sampled + answers.not_sampled + answers.dropped + answers.failed;
            counts.asked.inc_by(all);
        }
        self.global_sampled.inc_by(tally.sampled);
        self.global_not_sampled.inc_by(tally.not_sampled);
        self.spans_sampled.inc_by(tally.spans_sampled);
        self.late_sampled.inc_by(tally.late_sampled);
        self.late_left_out.inc_by(tally.late_left_out);
        self.new_traces.inc_by(tally.new_traces);
        self.too_large.inc_by(tally.too_large);
        self.early_by_traces.inc_by(tally.early_by_traces);
        self.early_by_bytes.inc_by(tally.early_by_bytes);
        tally.late_ages.iter().for_each(|age| self.late_ages.observe(*age as f64 / SECOND));
        tally.ages.iter().for_each(|age| self.ages.observe(*age as f64 / SECOND));
    }

    pub(super) fn ticked(&self, took: std::time::Duration) {
        self.tick.observe(took.as_secs_f64() * 1e3);
    }

    /// How much more is pending than one shard said last time.
    pub(super) fn pending(&self, more_traces: i64, more_bytes: i64) {
        self.on_memory.add(more_traces);
        self.held.add(more_bytes);
    }
}

impl OfPolicy {
    fn new(ctx: &Ctx, policy: &str) -> Self {
        // As the collector labels them.
        let label = match ctx.id.split_once('/') {
            Some((_, component)) => format!("{component}.{policy}"),
            None => policy.to_owned(),
        };
        let counted = |sampled: &str, decision: &str| {
            let labels = ["processor", "policy", "sampled", "decision"];
            let family = ctx.telemetry.counter(&name("count_traces_sampled"), HELP, &labels);
            family.with_label_values(&[&*ctx.id, &label, sampled, decision])
        };
        let one = |what: &str| {
            let family = ctx.telemetry.counter(&name(what), HELP, &["processor", "policy"]);
            family.with_label_values(&[&*ctx.id, &label])
        };
        Self {
            sampled: counted("true", "sampled"),
            not_sampled: counted("false", "not_sampled"),
            dropped: counted("false", "dropped"),
            failed: one("sampling_policy_evaluation_error"),
            asked: one("sampling_policy_execution_count"),
        }
    }
}

fn name(what: &str) -> String {
    format!("otelcol_processor_tail_sampling_{what}")
}
