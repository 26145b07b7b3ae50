//! The results as a table, which is Markdown and reads well on a terminal too.

use super::Results;
use super::figures::Figures;
use super::machine::Machine;

const HEADINGS: [&str; 14] = [
    "Scenario",
    "System",
    "Spans/s in",
    "Spans/s out",
    "CPU s/M spans",
    "Idle MiB",
    "Peak MiB",
    "Accepted",
    "Exported",
    "Lost",
    "Refused",
    "B/span out",
    "p99 ms",
    "Verdict",
];

type Row = [String; HEADINGS.len()];

/// One row for each scenario and system. Where there is a peer, a row below it says how many times more it
/// takes (or, for rates, how many times faster the first system is).
pub fn markdown(results: &Results) -> String {
    let mut rows: Vec<Row> = vec![HEADINGS.map(str::to_owned)];
    for measured in results.figures.chunk_by(|a, b| a.scenario == b.scenario) {
        let Some((ours, peers)) = measured.split_first() else { continue };
        rows.push(row(ours, true));
        for peer in peers {
            rows.push(row(peer, false));
            rows.push(ratios(ours, peer));
        }
    }
    let Machine { processor, cores, memory_mib, kernel, load_average } = &results.machine;
    let footing = format!(
        "\n{processor}, {cores} cores, {memory_mib} MiB, Linux {kernel}, load average {load_average} before; {} runs of {} s of load in each scenario: the CPU of \
         the middle one, the most memory, the spans of all; spans of about 420 bytes with 10 attributes.\n",
        results.repeat, results.seconds
    );
    aligned(&rows) + &footing
}

fn row(figures: &Figures, judged: bool) -> Row {
    let verdict = match figures.misses.as_slice() {
        _ if !judged => String::new(),
        [] => "pass".to_owned(),
        misses => format!("MISS: {}", misses.join("; ")),
    };
    [
        figures.scenario.to_owned(),
        figures.system.clone(),
        thousands(figures.accepted_per_second as u64),
        thousands(figures.exported_per_second as u64),
        format!("{:.2}", figures.cpu_seconds_per_million),
        format!("{:.1}", figures.idle_mib),
        format!("{:.1}", figures.peak_mib),
        thousands(figures.accepted),
        thousands(figures.exported),
        thousands(figures.lost()),
        thousands(figures.refused),
        format!("{:.0}", figures.bytes_per_span_out),
        format!("{:.1}", figures.wait_p99_ms),
        verdict,
    ]
}

fn ratios(ours: &Figures, peer: &Figures) -> Row {
    let times =
        |more: f64, less: f64| if less > 0.0 { format!("x{:.1}", more / less) } else { String::new() };
    let mut row = Row::default();
    let cells = [
        (1, "ratio".to_owned()),
        (2, times(ours.accepted_per_second, peer.accepted_per_second)),
        (3, times(ours.exported_per_second, peer.exported_per_second)),
        (4, times(peer.cpu_seconds_per_million, ours.cpu_seconds_per_million)),
        (5, times(peer.idle_mib, ours.idle_mib)),
        (6, times(peer.peak_mib, ours.peak_mib)),
        (11, times(peer.bytes_per_span_out, ours.bytes_per_span_out)),
    ];
    for (column, text) in cells {
        if let Some(cell) = row.get_mut(column) {
            *cell = text;
        }
    }
    row
}

/// The first row is the heading; text is set to the left, figures to the right.
fn aligned(rows: &[Row]) -> String {
    let is_text = |column| column < 2 || column + 1 == HEADINGS.len();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut table = String::new();
    for (index, row) in rows.iter().enumerate() {
        for ((column, cell), width) in row.iter().enumerate().zip(&widths) {
            let padding = " ".repeat(width - cell.len());
            let (before, after) =
                if is_text(column) { ("", padding.as_str()) } else { (padding.as_str(), "") };
            table.extend(["| ", before, cell, after, " "]);
        }
        table.push_str("|\n");
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let (dashes, end) = ("-".repeat(*width), if is_text(column) { " " } else { ":" });
                table.extend(["| ", dashes.as_str(), end]);
            }
            table.push_str("|\n");
        }
    }
    table
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scenario::Limits;

    #[test]
    fn the_table_compares_and_judges() {
        let ours = Figures {
            scenario: "plain",
            system: "throughline".into(),
            accepted_per_second: 412_345.0,
            exported_per_second: 410_000.0,
            cpu_seconds_per_million: 0.24,
            idle_mib: 9.5,
            peak_mib: 70.2,
            accepted: 4_123_450,
            expected: 4_123_450,
            exported: 4_123_450,
            bytes_per_span_out: 385.0,
            ..Figures::default()
        };
        let ours = ours.judged(Limits { peak_mib: Some(64.0), ..Limits::default() }, &[]);
        let peer = Figures {
            scenario: "plain",
            system: "collector".into(),
            accepted_per_second: 200_000.0,
            exported_per_second: 100_000.0,
            cpu_seconds_per_million: 4.8,
            idle_mib: 50.0,
            peak_mib: 95.0,
            accepted: 2_000_000,
            expected: 2_000_000,
            exported: 1_999_999,
            bytes_per_span_out: 385.0,
            ..Figures::default()
        };
        let alone = Figures { scenario: "json", misses: Vec::new(), ..ours.clone() };
        let machine = Machine {
            processor: "Any".into(),
            cores: 2,
            memory_mib: 8192,
            kernel: "6.1".into(),
            load_average: "0.02".into(),
        };
        let results = Results { machine, seconds: 10, repeat: 3, figures: vec![ours, peer, alone] };
        expect_test::expect![[r#"
            | Scenario | System      | Spans/s in | Spans/s out | CPU s/M spans | Idle MiB | Peak MiB |  Accepted |  Exported | Lost | Refused | B/span out | p99 ms | Verdict                      |
            | -------- | ----------- | ----------:| -----------:| -------------:| --------:| --------:| ---------:| ---------:| ----:| -------:| ----------:| ------:| ---------------------------- |
            | plain    | throughline |    412 345 |     410 000 |          0.24 |      9.5 |     70.2 | 4 123 450 | 4 123 450 |    0 |       0 |        385 |    0.0 | MISS: peak MiB 70.20 > 64.00 |
            | plain    | collector   |    200 000 |     100 000 |          4.80 |     50.0 |     95.0 | 2 000 000 | 1 999 999 |    1 |       0 |        385 |    0.0 |                              |
            |          | ratio       |       x2.1 |        x4.1 |         x20.0 |     x5.3 |     x1.4 |           |           |      |         |       x1.0 |        |                              |
            | json     | throughline |    412 345 |     410 000 |          0.24 |      9.5 |     70.2 | 4 123 450 | 4 123 450 |    0 |       0 |        385 |    0.0 | pass                         |

            Any, 2 cores, 8192 MiB, Linux 6.1, load average 0.02 before; 3 runs of 10 s of load in each scenario: the CPU of the middle one, the most memory, the spans of all; spans of about 420 bytes with 10 attributes.
        "#]].assert_eq(&markdown(&results));
    }
}
