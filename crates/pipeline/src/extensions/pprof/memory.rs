//! Memory of this process, as the system and the components tell it.

use std::fmt::Write;

use flow::Ctx;
use prometheus::proto::MetricType;

/// What of `/proc/self/status` is shown, with what it means.
const OF_THE_SYSTEM: [(&str, &str); 6] = [
    ("VmRSS", "resident"),
    ("VmHWM", "resident at most, since the start"),
    ("RssAnon", "of it heap, stacks and the like"),
    ("RssFile", "of it the program and mapped files"),
    ("VmSwap", "swapped out"),
    ("VmSize", "address space"),
];

pub(super) fn figures(ctx: &Ctx) -> String {
    let mut out =
        "Bytes. Binaries with the feature `heap-profile` tell who asked for memory; components count what they hold.\n\n"
            .to_owned();
    let mut line = |bytes: u64, what: &str| {
        // Writing to a string cannot fail.
        writeln!(out, "{bytes:>15}  {what}").unwrap_or_default();
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (field, what) in OF_THE_SYSTEM {
        if let Some(bytes) = field_of(&status, field) {
            line(bytes, what);
        }
    }
    line(ctx.memory.held(), "telemetry held, as the memory limiter counts it");
    line(ctx.memory.freed(), "telemetry given back, since the start");
    for (bytes, series) in gauges(ctx) {
        line(bytes, &series);
    }
    out
}

/// Every gauge of components that counts bytes.
fn gauges(ctx: &Ctx) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for family in ctx.telemetry.registry().gather() {
        if family.get_field_type() != MetricType::GAUGE || !family.name().ends_with("_bytes") {
            continue;
        }
        for metric in family.get_metric() {
            let labels: Vec<_> =
                metric.get_label().iter().map(|pair| format!("{}={:?}", pair.name(), pair.value())).collect();
            let value = metric.get_gauge().get_value();
            found.push((value.max(0.0) as u64, format!("{}{{{}}}", family.name(), labels.join(","))));
        }
    }
    found
}

fn field_of(status: &str, field: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use flow::{Memory, Telemetry};

    use super::*;

    #[test]
    fn what_the_system_and_components_say_is_there() {
        let memory = Arc::new(Memory::default());
        let held = memory.hold(4321);
        let ctx = Ctx::new(memory, Telemetry::default());
        let gauge = ctx.telemetry.gauge("throughline_x_pending_bytes", "x", &["processor"]);
        gauge.with_label_values(&["tail\nsampling"]).set(77);
        ctx.telemetry.gauge("throughline_x_entries", "x", &[]).with_label_values(&[] as &[&str]).set(5);
        let text = figures(&ctx);
        assert!(text.contains("4321  telemetry held"), "{text}");
        assert!(text.contains(r#"77  throughline_x_pending_bytes{processor="tail\nsampling"}"#), "{text}");
        assert!(!text.contains("entries"), "{text}");
        let (resident, _) =
            text.lines().find(|line| line.ends_with("  resident")).unwrap().trim().split_once(' ').unwrap();
        assert!(resident.parse::<u64>().unwrap() > 1 << 20, "{text}");
        drop(held);
    }

    #[test]
    fn fields_are_read_as_the_system_writes_them() {
        let status = "VmRSSx:\t 1 kB\nVmRSS:\t    2048 kB\nVmHWM: 3\n";
        assert_eq!(field_of(status, "VmRSS"), Some(2 << 20));
        assert_eq!((field_of(status, "VmHWM"), field_of(status, "VmSwap")), (None, None));
    }
}
