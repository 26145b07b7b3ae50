//! What the system knows about this process.

use std::collections::BTreeMap;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, GaugeVec, Opts};
use tokio::time::Instant;

/// The unit of times in `/proc`: a part of Linux's binary interface, whatever the kernel's own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) struct Process {
    started: Instant,
}

impl Default for Process {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Process {
    /// Read now; what the system does not tell is left out.
    pub(super) fn families(&self, held: u64) -> Vec<MetricFamily> {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let uptime = Some(self.started.elapsed().as_secs_f64());
        let known = [
            counter("otelcol_process_uptime", "Seconds since the start.", uptime),
            counter(
                "otelcol_process_cpu_seconds",
                "User and system CPU time in seconds.",
                cpu_seconds(&stat),
            ),
            gauge("otelcol_process_memory_rss", "Resident memory in bytes.", resident_bytes(&status)),
            gauge(
                "throughline_memory_held_bytes",
                "Bytes of telemetry that are held, as the memory limiter counts them.",
                Some(held as f64),
            ),
        ];
        known.into_iter().flatten().collect()
    }
}

/// The resource attributes as labels of a metric that is always 1.
pub(super) fn target_info(resource: &BTreeMap<String, String>) -> Vec<MetricFamily> {
    let label = |name: &String| {
        let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let label: String = name.chars().map(legal).collect();
        if label.starts_with(|c: char| c.is_ascii_digit()) { format!("_{label}") } else { label }
    };
    let labels: BTreeMap<String, &String> =
        resource.iter().map(|(name, value)| (label(name), value)).collect();
    let (names, values): (Vec<&str>, Vec<&str>) =
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
    let Ok(family) = GaugeVec::new(Opts::new("target_info", "This process."), &names) else {
        return Vec::new();
    };
    family.with_label_values(&values).set(1.0);
    family.collect()
}

fn counter(name: &str, help: &str, value: Option<f64>) -> Vec<MetricFamily> {
    let Some((value, counter)) = value.zip(Counter::new(name, help).ok()) else { return Vec::new() };
    counter.inc_by(value);
    counter.collect()
}

fn gauge(name: &str, help: &str, value: Option<f64>) -> Vec<MetricFamily> {
    let Some((value, gauge)) = value.zip(Gauge::new(name, help).ok()) else { return Vec::new() };
    gauge.set(value);
    gauge.collect()
}

/// User and system time of `/proc/<pid>/stat` (proc(5)); the name in it may hold anything but stands in brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(11);
    let mut ticks = || numbers.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<f64> {
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = kib.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib << 10) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_read_as_it_writes() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 1000 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("VmHWM:\t  99 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        for odd in ["", "42 (a) S 1", "VmRSS:\t-1 kB"] {
            assert_eq!((cpu_seconds(odd), resident_bytes(odd)), (None, None), "{odd}");
        }
        assert!(cpu_seconds(&std::fs::read_to_string("/proc/self/stat").unwrap()).is_some());
        assert!(resident_bytes(&std::fs::read_to_string("/proc/self/status").unwrap()) > Some(0.0));
    }

    #[test]
    fn labels_are_legal() {
        let resource = [("service.name", "throughline"), ("2nd", "x"), ("a-b", "é")];
        let families = target_info(&resource.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let labels: Vec<_> = families[0].get_metric()[0].get_label().iter().map(|pair| pair.name()).collect();
        assert_eq!(labels, ["_2nd", "a_b", "service_name"]);
    }
}
