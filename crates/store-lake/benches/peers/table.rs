//! Ours beside the others, as ratios.

use serde_json::Value;

use crate::ours::Spread;

pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) spread: Spread,
}

/// `bytes`, `lines` and `percentiles_cpu` are ours; of the others as `peers.py` tells it.
pub(crate) fn show(bytes: f64, lines: &[Line], percentiles_cpu: f64, others: &Value, spans: f64) {
    let engines: Vec<(&String, &Value)> = others.as_object().into_iter().flatten().collect();
    let names: Vec<&str> = engines.iter().map(|(name, _)| name.as_str()).collect();
    println!("\n| | ours | {} |\n|---|---:|{}", names.join(" | "), "---:|".repeat(names.len()));
    let cell = |of: Option<f64>, ours: f64| match of {
        Some(theirs) => format!(" {theirs:.1} ({:.2}) |", ours / theirs),
        None => " |".to_owned(),
    };
    let sizes = engines.iter().map(|(_, of)| cell(of["bytes"].as_f64().map(|bytes| bytes / spans), bytes));
    println!("| bytes a span | {bytes:.1} |{}", sizes.collect::<String>());
    for Line { what, spread } in lines {
        for (at, name, ours) in [(0, "p50", spread.p50), (1, "p95", spread.p95)] {
            let theirs = engines.iter().map(|(_, of)| cell(of[*what][at].as_f64(), ours));
            println!("| {what}, ms {name} | {ours:.1} |{}", theirs.collect::<String>());
        }
    }
    let cpu = engines.iter().map(|(_, of)| cell(of["percentiles"][2].as_f64(), percentiles_cpu));
    println!("| percentiles, CPU ms | {percentiles_cpu:.1} |{}", cpu.collect::<String>());
    println!("\nIn parentheses: ours divided by theirs.");
}
