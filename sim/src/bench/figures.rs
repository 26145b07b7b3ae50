//! What a scenario cost a system, and whether that is allowed.

use serde::Serialize;

use super::scenario::{Limits, Scenario};
use super::usage::Usage;
use crate::load::Report;
use crate::sink::Counts;

/// What was seen of one system in one scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) idle: Usage,
    pub(super) warm_up: Report,
    /// After the warm-up has drained.
    pub(super) before: Usage,
    pub(super) load: Report,
    /// Spans that came out while the load ran.
    pub(super) exported_under_load: u64,
    /// After the load has drained.
    pub(super) after: Usage,
    /// After the system has stopped.
    pub(super) sink: Counts,
}

/// The result of one scenario on one system.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub scenario: &'static str,
    pub system: String,
    /// Rates while the load ran, without the time to drain.
    pub accepted_per_second: f64,
    pub exported_per_second: f64,
    /// Of the system, load and drain, for each million of accepted spans.
    pub cpu_seconds_per_million: f64,
    pub idle_mib: f64,
    pub peak_mib: f64,
    /// Spans over the whole life of the process, warm-up included.
    pub accepted: u64,
    /// Of those, the ones that were to come out.
    pub expected: u64,
    pub exported: u64,
    /// Offered and not accepted: refused, or given up after "come back later".
    pub refused: u64,
    /// Answers of "come back later" that did not say when.
    pub timeless: u64,
    /// The connection broke, or no answer came in time.
    pub unknown: u64,
    /// Of a span on its way out, with the compression of the exporter.
    pub bytes_per_span_out: f64,
    /// From a request to its answer.
    pub wait_p50_ms: f64,
    pub wait_p99_ms: f64,
    /// The limits it missed, in words.
    pub misses: Vec<String>,
}

impl Figures {
    pub(super) fn of(system: &str, scenario: &Scenario, seen: &Observed) -> Self {
        let (warm_up, load) = (&seen.warm_up.tally, &seen.load.tally);
        let cpu = seen.after.cpu.saturating_sub(seen.before.cpu).as_secs_f64();
        let wait_ms = |share| load.wait_below(share).unwrap_or_default().as_secs_f64() * 1e3;
        let refused = |tally: &crate::load::Tally| tally.refused + tally.rejected + tally.given_up;
        Self {
            scenario: scenario.name,
            system: system.to_owned(),
            accepted_per_second: seen.load.accepted_per_second(),
            exported_per_second: ratio(seen.exported_under_load as f64, seen.load.took.as_secs_f64()),
            cpu_seconds_per_million: ratio(cpu, load.accepted as f64 / 1e6),
            idle_mib: mib(seen.idle.rss_bytes),
            peak_mib: mib(seen.after.peak_rss_bytes),
            accepted: warm_up.accepted + load.accepted,
            expected: (warm_up.accepted + load.accepted) / scenario.kept_one_in,
            exported: seen.sink.spans,
            refused: refused(warm_up) + refused(load),
            timeless: warm_up.timeless + load.timeless,
            unknown: warm_up.unknown + load.unknown,
            bytes_per_span_out: ratio(seen.sink.wire_bytes as f64, seen.sink.spans as f64),
            wait_p50_ms: wait_ms(0.5),
            wait_p99_ms: wait_ms(0.99),
            misses: Vec::new(),
        }
    }

    /// Of several runs the one whose CPU is in the middle, with the most memory and the spans of all of them: other
    /// work on the machine adds to the CPU of a run, and no run may lose a span. `None` of no runs.
    pub fn middle(mut runs: Vec<Self>) -> Option<Self> {
        runs.sort_by(|a, b| a.cpu_seconds_per_million.total_cmp(&b.cpu_seconds_per_million));
        let most = |of: fn(&Self) -> f64| runs.iter().map(of).fold(0.0, f64::max);
        let all = |of: fn(&Self) -> u64| runs.iter().map(of).sum();
        Some(Self {
            idle_mib: most(|run| run.idle_mib),
            peak_mib: most(|run| run.peak_mib),
            accepted: all(|run| run.accepted),
            expected: all(|run| run.expected),
            exported: all(|run| run.exported),
            refused: all(|run| run.refused),
            timeless: all(|run| run.timeless),
            unknown: all(|run| run.unknown),
            ..runs.get(runs.len() / 2)?.clone()
        })
    }

    /// Accepted spans that were to come out and never did.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.exported)
    }

    /// Spans that came out and were not to; those of unknown fate may be among them.
    pub fn surplus(&self) -> u64 {
        self.exported.saturating_sub(self.expected)
    }

    /// The same figures with the limits they miss; `earlier` are those of other scenarios.
    pub fn judged(mut self, limits: Limits, earlier: &[Self]) -> Self {
        let limited = [
            ("CPU s/M", self.cpu_seconds_per_million, limits.cpu_seconds_per_million),
            ("idle MiB", self.idle_mib, limits.idle_mib),
            ("peak MiB", self.peak_mib, limits.peak_mib),
            ("p99 ms", self.wait_p99_ms, limits.wait_p99_ms),
        ];
        for (name, figure, limit) in limited {
            if let Some(limit) = limit.filter(|limit| figure > *limit) {
                self.misses.push(format!("{name} {figure:.2} > {limit:.2}"));
            }
        }
        let base = limits.over.and_then(|over| {
            let base =
                earlier.iter().find(|base| base.scenario == over.scenario && base.system == self.system)?;
            Some((over, base.cpu_seconds_per_million))
        });
        if let Some((over, base)) = base {
            let (more, most) = (self.cpu_seconds_per_million - base, over.cpu_seconds_per_million);
            if more > most {
                self.misses.push(format!("CPU s/M {more:.2} > {most:.2} over {}", over.scenario));
            }
        }
        if self.accepted == 0 {
            self.misses.push("nothing was accepted".into());
        }
        if self.lost() > 0 {
            self.misses.push(format!("{} accepted spans lost", self.lost()));
        }
        if self.timeless > 0 {
            self.misses.push(format!("{} refusals did not say when to come back", self.timeless));
        }
        if self.surplus() > self.unknown {
            self.misses.push(format!("{} spans too many came out", self.surplus() - self.unknown));
        }
        self
    }
}

fn ratio(of: f64, to: f64) -> f64 {
    if to > 0.0 { of / to } else { 0.0 }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Over;

    fn figures() -> Figures {
        Figures {
            cpu_seconds_per_million: 0.5,
            idle_mib: 15.0,
            peak_mib: 64.0,
            accepted: 1000,
            expected: 1000,
            exported: 1000,
            ..Figures::default()
        }
    }

    fn misses(figures: Figures) -> Vec<String> {
        let limits = Limits {
            cpu_seconds_per_million: Some(0.5),
            idle_mib: Some(15.0),
            peak_mib: Some(64.0),
            wait_p99_ms: Some(15.0),
            over: Some(Over { scenario: "base", cpu_seconds_per_million: 0.3 }),
        };
        let base = Figures { scenario: "base", cpu_seconds_per_million: 0.2, ..Figures::default() };
        let other = Figures { cpu_seconds_per_million: 0.0, ..base.clone() };
        figures.judged(limits, &[Figures { system: "other".to_owned(), ..other }, base]).misses
    }

    #[test]
    fn of_several_runs_the_middle_one_counts_with_the_most_memory_and_all_spans() {
        let run = |cpu: f64, peak_mib: f64| Figures { cpu_seconds_per_million: cpu, peak_mib, ..figures() };
        let middle = Figures::middle(vec![run(0.9, 10.0), run(0.4, 30.0), run(0.5, 20.0)]).unwrap();
        assert_eq!((middle.cpu_seconds_per_million, middle.peak_mib), (0.5, 30.0));
        assert_eq!((middle.accepted, middle.exported), (3 * figures().accepted, 3 * figures().exported));
        assert!(Figures::middle(Vec::new()).is_none());
    }

    #[test]
    fn figures_at_the_limit_pass() {
        assert_eq!(misses(figures()), Vec::<String>::new());
    }

    #[test]
    fn every_limit_can_be_missed() {
        for (bad, said) in [
            (Figures { wait_p99_ms: 15.1, ..figures() }, "p99 ms 15.10 > 15.00"),
            (Figures { idle_mib: 16.0, ..figures() }, "idle MiB 16.00 > 15.00"),
            (Figures { peak_mib: 65.0, ..figures() }, "peak MiB 65.00 > 64.00"),
            (Figures { exported: 999, ..figures() }, "1 accepted spans lost"),
            (Figures { timeless: 3, ..figures() }, "3 refusals did not say when to come back"),
            (Figures { exported: 1010, unknown: 4, ..figures() }, "6 spans too many came out"),
            (Figures { accepted: 0, expected: 0, exported: 0, ..figures() }, "nothing was accepted"),
        ] {
            assert_eq!(misses(bad), [said]);
        }
    }

    #[test]
    fn the_cost_over_another_scenario_is_limited() {
        let dear = Figures { cpu_seconds_per_million: 0.51, ..figures() };
        assert_eq!(misses(dear), ["CPU s/M 0.51 > 0.50", "CPU s/M 0.31 > 0.30 over base"]);
    }

    #[test]
    fn spans_of_unknown_fate_may_come_out() {
        assert_eq!(misses(Figures { exported: 1100, unknown: 100, ..figures() }), Vec::<String>::new());
    }
}
