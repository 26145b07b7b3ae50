//! The numbers that components tell as metrics, by name and labels.

use std::collections::BTreeMap;

use flow::Telemetry;
use prometheus::proto::{Metric, MetricFamily, MetricType};

/// Processors that sample, and the metric in which each counts traces by policy.
const SAMPLERS: [(&str, &str); 2] = [
    ("probabilistic_sampler", "otelcol_processor_probabilistic_sampler_count_traces_sampled"),
    ("tail_sampling", "otelcol_processor_tail_sampling_count_traces_sampled"),
];

/// All own metrics at one moment.
pub(super) struct Series(Vec<MetricFamily>);

impl Series {
    pub(super) fn now(telemetry: &Telemetry) -> Self {
        Self(telemetry.registry().gather())
    }

    /// The sum of those of this name that have these labels.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.of(name, labels).map(|(_, value)| value).sum()
    }

    /// The least of this name, where there is any.
    pub(super) fn least(&self, name: &str) -> Option<u64> {
        self.of(name, &[]).map(|(_, value)| value).min()
    }

    /// Those of this name that have these labels, each by what it has for `by`; without zeros.
    pub(super) fn by(&self, by: &str, name: &str, labels: &[(&str, &str)]) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for (metric, value) in self.of(name, labels).filter(|(_, value)| *value > 0) {
            *found.entry(label(metric, by).to_owned()).or_default() += value;
        }
        found
    }

    /// What samplers kept and left out, by processor and policy.
    pub(super) fn sampling(&self) -> Vec<((String, String), [u64; 2])> {
        let mut found: BTreeMap<_, [u64; 2]> = BTreeMap::new();
        for (kind, name) in SAMPLERS {
            for (metric, value) in self.of(name, &[]) {
                let policy = label(metric, "policy");
                let processor = Some(label(metric, "processor")).filter(|id| !id.is_empty()).unwrap_or(kind);
                // The collector puts the name of the component before that of the policy.
                let named = processor
                    .split_once('/')
                    .and_then(|(_, name)| policy.strip_prefix(name)?.strip_prefix('.'));
                let [kept, left_out] =
                    found.entry((processor.to_owned(), named.unwrap_or(policy).to_owned())).or_default();
                *if label(metric, "sampled") == "true" { kept } else { left_out } += value;
            }
        }
        found.into_iter().collect()
    }

    fn of<'s>(
        &'s self,
        name: &'s str,
        labels: &'s [(&str, &str)],
    ) -> impl Iterator<Item = (&'s Metric, u64)> {
        let families = self.0.iter().filter(move |family| family.name() == name);
        let metrics = families.flat_map(|family| {
            let kind = family.get_field_type();
            family.get_metric().iter().map(move |metric| (metric, value(kind, metric)))
        });
        metrics.filter(|(metric, _)| labels.iter().all(|(name, value)| label(metric, name) == *value))
    }
}

fn label<'m>(metric: &'m Metric, name: &str) -> &'m str {
    metric.get_label().iter().find(|pair| pair.name() == name).map_or("", |pair| pair.value())
}

fn value(kind: MetricType, metric: &Metric) -> u64 {
    let value = match kind {
        MetricType::COUNTER => metric.get_counter().get_value(),
        _ => metric.get_gauge().get_value(),
    };
    value.max(0.0) as u64
}
