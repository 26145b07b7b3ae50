//! Keys and defaults of the collector's `tailsamplingprocessor`, and our own.

mod policies;
mod kinds;

use std::thread::available_parallelism;

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::policy::Policies;
use super::shard::Rules;

/// So many that one is free, mostly, whatever the others are at.
const SHARDS_OF_A_CORE: usize = 8;
/// More shards than this do not help: something else is then the limit.
const MOST_SHARDS: usize = 64;

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    decision_wait: GoDuration,
    decision_wait_after_root_received: GoDuration,
    num_traces: u64,
    pub(super) block_on_overflow: bool,
    expected_new_traces_per_sec: u64,
    decision_cache: Caches,
    sample_on_first_match: bool,
    sampling_strategy: Strategy,
    drop_pending_traces_on_shutdown: bool,
    maximum_trace_size_bytes: u64,
    num_shards: u64,
    tail_storage: Option<String>,
    #[serde(rename = "policies")]
    _policies: Vec<IgnoredAny>,
    // Our own.
    decide_by: DecideBy,
    interaction_wait: GoDuration,
    max_pending_mib: u64,
    record_policy: bool,
    record_threshold: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Caches {
    sampled_cache_size: Option<u64>,
    non_sampled_cache_size: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    #[default]
    TraceComplete,
    SpanIngest,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DecideBy {
    #[default]
    Trace,
    Interaction,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            decision_wait: GoDuration::from_secs(30),
            decision_wait_after_root_received: GoDuration::ZERO,
            num_traces: 50_000,
            block_on_overflow: false,
            expected_new_traces_per_sec: 0,
            decision_cache: Caches::default(),
            sample_on_first_match: false,
            sampling_strategy: Strategy::TraceComplete,
            drop_pending_traces_on_shutdown: false,
            maximum_trace_size_bytes: 0,
            num_shards: 0,
            tail_storage: None,
            _policies: Vec::new(),
            decide_by: DecideBy::Trace,
            interaction_wait: GoDuration::from_secs(600),
            max_pending_mib: 512,
            record_policy: false,
            record_threshold: false,
        }
    }
}

/// What only a restart changes.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Fixed {
    shards: usize,
    decide_by: DecideBy,
    block_on_overflow: bool,
}

impl Settings {
    pub(super) fn by_interaction(&self) -> bool {
        self.decide_by == DecideBy::Interaction
    }

    pub(super) fn fixed(&self) -> Fixed {
        Fixed { shards: self.shards(), decide_by: self.decide_by, block_on_overflow: self.block_on_overflow }
    }

    /// Traces of one interaction are decided together, so that one shard has to know them all.
    pub(super) fn shards(&self) -> usize {
        let asked = usize::try_from(self.num_shards).unwrap_or(MOST_SHARDS);
        match (self.decide_by, asked) {
            (DecideBy::Interaction, _) => 1,
            (DecideBy::Trace, 0) => {
                available_parallelism().map_or(1, |cores| SHARDS_OF_A_CORE * cores.get()).min(MOST_SHARDS)
            }
            (DecideBy::Trace, asked) => asked.min(MOST_SHARDS),
        }
    }

    /// For each of so many shards.
    pub(super) fn rules(&self, shards: usize) -> Rules {
        let share = |whole: u64| usize::try_from(whole).unwrap_or(usize::MAX).div_ceil(shards);
        let remembered = 4 * self.num_traces.max(50_000);
        Rules {
            wait: self.decision_wait.nanos(),
            wait_after_root: self.decision_wait_after_root_received.nanos(),
            interaction_wait: self.interaction_wait.nanos(),
            by_interaction: self.by_interaction(),
            at_ingest: self.sampling_strategy == Strategy::SpanIngest,
            most_traces: share(self.num_traces),
            most_bytes: share(self.max_pending_mib.saturating_mul(1 << 20)),
            most_trace_bytes: self.maximum_trace_size_bytes,
            sampled_cache: share(self.decision_cache.sampled_cache_size.unwrap_or(remembered)),
            left_out_cache: share(self.decision_cache.non_sampled_cache_size.unwrap_or(remembered)),
            record_policy: self.record_policy,
            record_threshold: self.record_threshold,
            decide_at_shutdown: !self.drop_pending_traces_on_shutdown,
        }
    }

    /// New traces of one shard that there will be room for from the beginning.
    pub(super) fn expected(&self, shards: usize) -> usize {
        let during = self.expected_new_traces_per_sec.saturating_mul(self.decision_wait.get().as_secs());
        usize::try_from(during.min(self.num_traces)).unwrap_or(0).div_ceil(shards)
    }
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

/// Settings and policies, where nothing is wrong with them.
pub(super) fn read(section: &Node) -> (Option<(Settings, Policies)>, Vec<Finding>) {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return (None, findings) };
    let at = |key: &str| section.get(key).unwrap_or(section);
    let policies = policies::read(at("policies"), settings.sample_on_first_match, &mut findings);
    settings.check(section, &policies, &mut findings);
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    let settings = crate::processors::attributes::settings::if_sound(settings, &findings);
    (settings.map(|settings| (settings, policies)), findings)
}

impl Settings {
    fn check(&self, section: &Node, policies: &Policies, findings: &mut Vec<Finding>) {
        let at = |key: &str| section.get(key).unwrap_or(section);
        if self.tail_storage.is_some() {
            let finding = Finding::error(at("tail_storage"), "there are no extensions for tail storage");
            findings.push(finding.help(
                "remove it: pending traces are in memory within `max_pending_mib`, and a journal in front covers them",
            ));
        }
        if self.max_pending_mib == 0 {
            findings.push(
                Finding::error(at("max_pending_mib"), "pending traces need some memory")
                    .help("512 is the default"),
            );
        }
        if self.num_shards > 1 && self.decide_by == DecideBy::Interaction {
            let message =
                "`decide_by: interaction` has one shard, since one has to know all traces of an interaction";
            findings.push(Finding::advice(at("num_shards"), message));
        }
        if policies.list.is_empty() && findings.is_empty() {
            let finding = Finding::advice(at("policies"), "without a policy nothing is ever sampled");
            findings.push(finding.help("list at least one: `policies: [{name: all, type: always_sample}]`"));
        }
        let caches = self.decision_cache;
        for (key, size) in [
            ("sampled_cache_size", caches.sampled_cache_size),
            ("non_sampled_cache_size", caches.non_sampled_cache_size),
        ] {
            if let (Some(0), Some(node)) = (size, section.at(["decision_cache", key])) {
                let message =
                    "without this cache, spans that come after the decision are decided on their own";
                findings.push(
                    Finding::advice(node, message).help("remove it: the default is four times `num_traces`"),
                );
            }
        }
        if self.sampling_strategy == Strategy::SpanIngest {
            for (policy, node) in policies.list.iter().zip(at("policies").items()) {
                if policy.named.condition.needs_whole_trace() {
                    let message =
                        "needs the whole trace, and `sampling_strategy: span-ingest` decides before that";
                    let finding = Finding::error(node, format!("policy `{}` {message}", policy.named.name));
                    findings.push(finding.help("use `sampling_strategy: trace-complete`"));
                }
            }
        }
    }
}
