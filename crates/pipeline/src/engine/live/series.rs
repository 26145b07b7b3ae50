//! The numbers that components tell as metrics, by name and labels.

use std::collections::BTreeMap;

use flow::Telemetry;
use prometheus::proto::{Metric, MetricFamily, MetricType};

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
