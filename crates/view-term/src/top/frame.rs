//! The whole screen as lines.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::state::{Sort, State};
use crate::answer::{Change, Ns, StageLine, StageStep, Summary};
use crate::paint::{Line, Style};
use crate::stage::Tone;
use crate::text;
use crate::time;

/// Regions on the screen.
const REGIONS: usize = 8;
/// From so much on, a change is more than noise.
const CHANGED: f64 = 0.1;

/// At most `height` lines; as many as there are without one.
pub fn frame(state: &State, width: usize, height: Option<usize>, zone: &TimeZone) -> Vec<Line> {
    let mut lines = head(state, zone);
    let Some(_) = &state.overview else { return fit(lines, width, height) };
    lines.push(Line::new());
    lines.extend(stages(state, width));
    lines.push(Line::new());
    lines.extend(regions(state, width));
    lines.push(Line::new());
    // The last line of a screen are its keys.
    let left = height.map(|height| height.saturating_sub(lines.len() + 3)).unwrap_or(usize::MAX);
    lines.extend(calls(state, width, left));
    if let Some(height) = height {
        lines.resize(height.saturating_sub(1), Line::new());
        lines.push(keys(state));
    }
    fit(lines, width, height)
}

fn fit(mut lines: Vec<Line>, width: usize, height: Option<usize>) -> Vec<Line> {
    lines.truncate(height.unwrap_or(usize::MAX));
    lines.into_iter().map(|line| line.cut(width)).collect()
}

fn head(state: &State, zone: &TimeZone) -> Vec<Line> {
    let mut first = Line::new().with(Style::Strong, "throughline top");
    if let Some(overview) = &state.overview {
        let (from, to) = (overview.covers.from.0, overview.covers.to.0);
        let covers = format!(
            "  {} to {} {}",
            time::coarse(to.saturating_sub(from)),
            time::clock(to, zone),
            time::zoned(to, zone)
        );
        first.push(Style::Plain, &covers);
        if overview.covers.truncated {
            let from = time::clock(overview.covers.complete_from.0, zone);
            first.push(Style::Warn, &format!("  complete only from {from} on"));
        }
    }
    if let Some(region) = &state.asked.region {
        first.push(Style::Plain, "  region ");
        first.push(Style::Strong, region);
    }
    if !state.asked.search.is_empty() {
        first.push(Style::Plain, "  search ");
        first.push(Style::Strong, &state.asked.search);
    }
    if let Some(trouble) = &state.trouble {
        first.push(Style::Bad, &format!("  ✗ {trouble}"));
    }
    let mut second = Line::new();
    match &state.running {
        None => second.push(Style::Faint, "asking …"),
        Some(running) => {
            let calls = if running.n == 1 { "call runs" } else { "calls run" };
            second.push(Style::Strong, &running.n.to_string());
            second
                .push(Style::Plain, &format!(" {calls}{}", if running.truncated { ", or more" } else { "" }));
            for (at, of) in running.stages.iter().filter(|of| of.n > 0).enumerate() {
                second.push(Style::Plain, if at == 0 { ": " } else { ", " });
                second.push(Style::Plain, &format!("{} {}", stage_name(of.stage.as_deref()), of.n));
            }
        }
    }
    vec![first, second]
}

fn stage_name(stage: Option<&str>) -> &str {
    match stage {
        None => "no stage",
        Some(name) => match Tone::stage(name) {
            Some(tone) => tone.name(),
            None => name,
        },
    }
}

/// A column: its head, how wide, and which order sorts by it.
struct Column(&'static str, usize, Option<Sort>);

const COLUMNS: [Column; 7] = [
    Column("STAGE", 13, Some(Sort::Call)),
    Column("COUNT", 8, Some(Sort::Count)),
    Column("ERRORS", 8, Some(Sort::Errors)),
    Column("P50", 11, None),
    Column("P95", 13, Some(Sort::P95)),
    Column("P99", 11, None),
    Column("CHANGE", 9, Some(Sort::Change)),
];

fn stages(state: &State, width: usize) -> Vec<Line> {
    let narrow = width < 78;
    let mut head = Line::new();
    let shown = |name: &str| !narrow || !["ERRORS", "P99"].contains(&name);
    for Column(name, cells, sort) in COLUMNS.iter().filter(|Column(name, ..)| shown(name)) {
        let sorted = if *sort == Some(state.sort) { "▾" } else { "" };
        head.column(Style::Faint, &format!("{name}{sorted}"), *cells, *name != "STAGE");
    }
    let used = head.width() + 2;
    let trend = width.saturating_sub(used).min(32);
    if trend >= 8 {
        head.push(Style::Faint, "  P95 SINCE");
    }
    let mut lines = vec![head];
    let stages = state.stages();
    if stages.is_empty() {
        lines.push(Line::new().with(Style::Faint, "No call came to a stage in this time."));
    }
    for stage in stages {
        let mut line = Line::new();
        for Column(name, cells, _) in COLUMNS.iter().filter(|Column(name, ..)| shown(name)) {
            let (style, text) = value(stage, name);
            line.column(style, &text, *cells, *name != "STAGE");
        }
        if trend >= 8 {
            line.push(Style::Plain, "  ");
            line.push(Style::Plain, &trend_of(&stage.series, trend));
        }
        lines.push(line);
    }
    lines
}

fn value(line: &StageLine, column: &str) -> (Style, String) {
    let latency = &line.latency;
    let took = |ns: Option<Ns>| ns.map_or("–".to_owned(), |ns| time::coarse(ns.0));
    match column {
        "STAGE" => (Style::Strong, stage_name(Some(&line.stage)).to_owned()),
        "COUNT" => (Style::Plain, latency.n.to_string()),
        "ERRORS" if latency.errors > 0 => (Style::Bad, latency.errors.to_string()),
        "ERRORS" => (Style::Faint, "0".to_owned()),
        "P50" => (Style::Plain, took(latency.p50_ns)),
        "P95" => {
            let (style, sign) = state_of(&line.state);
            (style, format!("{}{sign}", took(latency.p95_ns)))
        }
        "P99" => (Style::Plain, took(latency.p99_ns)),
        _ => changed(&line.before),
    }
}

/// Against the objective: nothing where there is none.
fn state_of(state: &str) -> (Style, &'static str) {
    match state {
        "met" => (Style::Strong, " ✓"),
        "near" => (Style::Warn, " !"),
        "missed" => (Style::Bad, " ✗"),
        _ => (Style::Strong, "  "),
    }
}

/// Against the period before; a period that was not looked at as a whole is no measure.
fn changed(change: &Change) -> (Style, String) {
    let Some(by) = change.change.filter(|by| by.is_finite() && change.complete) else {
        return (Style::Faint, "–".to_owned());
    };
    let style = match by {
        _ if by >= CHANGED => Style::Bad,
        _ if by <= -CHANGED => Style::Good,
        _ => Style::Faint,
    };
    let percent = (by.abs() * 100.0).round();
    let sign = if percent == 0.0 {
        "±"
    } else if by > 0.0 {
        "+"
    } else {
        "−"
    };
    (style, if percent > 9_999.0 { format!("{sign}>9999 %") } else { format!("{sign}{percent} %") })
}

/// The last steps as bars; a blank where nothing was.
fn trend_of(series: &[StageStep], cells: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let last = series.get(series.len().saturating_sub(cells)..).unwrap_or_default();
    let most = last.iter().filter_map(|step| step.p95_ns).max().unwrap_or_default().0.max(1);
    let bar = |step: &StageStep| match step.p95_ns {
        None => ' ',
        Some(ns) => {
            let height = (ns.0 as f64 / most as f64 * 7.0).round() as usize;
            BARS.get(height).copied().unwrap_or('█')
        }
    };
    last.iter().map(bar).collect()
}

fn regions(state: &State, width: usize) -> Vec<Line> {
    const NAME: usize = 16;
    const CELL: usize = 14;
    let all = state.region_lines();
    let mut used: HashMap<&str, u64> = HashMap::new();
    let cells =
        all.iter().flat_map(|line| &line.stages).filter_map(|cell| Some((cell.stage.as_str(), cell.p95_ns?)));
    cells.for_each(|(stage, _)| *used.entry(stage).or_default() += 1);
    let room = width.saturating_sub(NAME + 8) / CELL;
    let shown: Vec<&str> = Tone::STAGES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| used.contains_key(name))
        .take(room)
        .collect();
    let mut head = Line::new();
    head.column(Style::Faint, "P95 BY REGION", NAME, false);
    head.column(Style::Faint, "COUNT", 8, true);
    for stage in &shown {
        head.column(Style::Faint, &stage_name(Some(stage)).to_uppercase(), CELL, true);
    }
    let mut lines = vec![head];
    for region in all.iter().take(REGIONS) {
        let mut line = Line::new();
        line.column(Style::Strong, region.region.as_deref().unwrap_or("no region"), NAME, false);
        line.column(Style::Plain, &region.n.to_string(), 8, true);
        for stage in &shown {
            let cell = region.stages.iter().find(|cell| cell.stage == *stage);
            let p95 = cell.and_then(|cell| Some((cell.p95_ns?, &cell.state)));
            let (style, text) = match p95 {
                None => (Style::Faint, "–  ".to_owned()),
                Some((ns, state)) => {
                    let (style, sign) = state_of(state);
                    (
                        if style == Style::Strong { Style::Plain } else { style },
                        format!("{}{sign}", time::coarse(ns.0)),
                    )
                }
            };
            line.column(style, &text, CELL, true);
        }
        lines.push(line);
    }
    if all.len() > REGIONS {
        lines.push(Line::new().with(Style::Faint, &format!("{} more regions", all.len() - REGIONS)));
    }
    lines
}

fn calls(state: &State, width: usize, most: usize) -> Vec<Line> {
    let id = if width < 100 { 20 } else { 38 };
    let mut head = Line::new();
    for (name, cells, right) in [("RUNNING", id, false), ("FOR", 13, true), ("WAITED", 12, true)] {
        head.column(Style::Faint, name, cells, right);
    }
    head.push(Style::Faint, "  REGION        STAGES");
    let mut lines = vec![head];
    if state.calls.is_empty() {
        lines.push(Line::new().with(Style::Faint, "No call runs."));
    }
    let at = state.calls.iter().position(|call| Some(&call.id) == state.marked.as_ref());
    // The marked one stays on the screen.
    let first = at.map_or(0, |at| (at + 1).saturating_sub(most));
    for call in state.calls.iter().skip(first).take(most) {
        let marked = state.marked.as_ref() == Some(&call.id);
        lines.push(call_line(call, id, marked));
    }
    lines
}

fn call_line(call: &Summary, id: usize, marked: bool) -> Line {
    let mut line = Line::new();
    line.column(
        if marked { Style::Inverse } else { Style::Strong },
        &text::fitted(&call.id, id - 1),
        id,
        false,
    );
    line.column(Style::Plain, &time::coarse(call.duration_ns.0), 13, true);
    let waited = if call.waited_ns.0 > 0 { time::coarse(call.waited_ns.0) } else { "–".to_owned() };
    line.column(Style::Plain, &waited, 12, true);
    line.push(Style::Plain, "  ");
    line.column(Style::Plain, call.region.as_deref().unwrap_or("–"), 14, false);
    for (at, stage) in call.stages.iter().enumerate() {
        line.push(Style::Faint, if at == 0 { "" } else { " · " });
        let name = stage_name(Some(&stage.stage)).to_owned();
        line.push(Style::Plain, &format!("{name} {}", time::coarse(stage.duration_ns.0)));
    }
    if !call.queues.is_empty() {
        line.push(Style::Faint, &format!("  {}", call.queues.join(" → ")));
    }
    line
}

fn keys(state: &State) -> Line {
    if let Some(typed) = &state.typing {
        let line = Line::new().with(Style::Strong, "/").with(Style::Plain, typed).with(Style::Inverse, " ");
        return line.with(Style::Faint, "  Enter asks, Esc leaves it");
    }
    let sort = format!("s sort ({})", state.sort.name());
    let mut line = Line::new();
    for key in ["q quit", "↑↓ call", "Enter show it", "←→ region", &sort, "/ search"] {
        line.push(Style::Faint, &format!("{key}   "));
    }
    line
}
