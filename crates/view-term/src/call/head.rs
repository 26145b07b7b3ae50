//! What stands above the pictures: outcome, times, completeness, chain, where the time went, where context was lost.

use super::cause::{Cause, Completeness, lost};
use super::model::Model;
use super::show::{Beside, Options};
use crate::answer::{Chain, Path, Summary};
use crate::paint::{Line, Style};
use crate::stage::{Tone, is_written};
use crate::text;
use crate::time;

/// Places of lost context that are told.
const LOST: usize = 3;
/// Kinds of spans on the critical path that are told.
const SHARES: usize = 5;
/// Calls of a chain that are told.
const CALLS: usize = 12;

pub(super) fn head(summary: &Summary, model: &Model<'_>, truncated: bool, options: &Options) -> Vec<Line> {
    let (outcome, style) = outcome(summary);
    let mut first = vec![Line::new().with(style, &outcome), Line::new().with(Style::Strong, &summary.id)];
    let transfers = model.nodes.iter().filter(|node| node.stage == Some(Tone::Transfer)).count();
    match transfers {
        0 => {}
        1 => first.push(Line::new().with(Style::Plain, "transferred once")),
        2 => first.push(Line::new().with(Style::Plain, "transferred twice")),
        more => first.push(Line::new().with(Style::Plain, &format!("transferred {more} times"))),
    }
    match summary.error_count {
        0 => {}
        1 => first.push(Line::new().with(Style::Bad, "✗ 1 error")),
        more => first.push(Line::new().with(Style::Bad, &format!("✗ {more} errors"))),
    }
    let channel = [summary.direction.as_deref(), summary.channel.as_deref()].into_iter().flatten();
    let mut second: Vec<String> = vec![channel.collect::<Vec<_>>().join(" ")];
    second.push(summary.queues.join(" → "));
    second.extend(summary.region.clone());
    second.push(time::moment(summary.start_ns.0, &options.zone));
    let second =
        second.iter().filter(|text| !text.is_empty()).map(|text| Line::new().with(Style::Plain, text));
    let mut lines = flow(first, " · ", options.width);
    lines.extend(flow(second.collect(), " · ", options.width));
    lines.push(Line::new());
    lines.extend(flow(facts(summary, model, truncated), "    ", options.width));
    lines
}

fn outcome(summary: &Summary) -> (String, Style) {
    match summary.outcome.as_deref() {
        _ if summary.running => ("▸ running".to_owned(), Style::Good),
        Some("handled") => ("✓ handled".to_owned(), Style::Good),
        Some(failed @ ("abandoned" | "failed" | "error")) => (format!("✗ {failed}"), Style::Bad),
        Some(other) => (other.to_owned(), Style::Warn),
        None => ("ended".to_owned(), Style::Plain),
    }
}

fn facts(summary: &Summary, model: &Model<'_>, truncated: bool) -> Vec<Line> {
    let written = is_written(summary.channel.as_deref());
    let fact = |name: &str, value: &str, more: &str| {
        let mut fact =
            Line::new().with(Style::Faint, name).with(Style::Plain, " ").with(Style::Strong, value);
        if !more.is_empty() {
            fact.push(Style::Faint, &format!(" ({more})"));
        }
        fact
    };
    let took = |ns: u64| if ns > 0 { time::duration(ns) } else { "none".to_owned() };
    let with_caller = model.nodes.iter().filter(|node| node.stage.is_some_and(Tone::has_caller));
    let on_line = with_caller.map(|node| node.end).max().unwrap_or(0);
    let line = if written { "with the customer" } else { "on line" };
    let line =
        if on_line > 0 { format!("{line} {}", time::duration(on_line)) } else { "no stages".to_owned() };
    let share = match (summary.waited_ns.0, on_line) {
        (0, _) | (_, 0) => String::new(),
        (waited, on_line) => {
            let share = (waited as f64 / on_line as f64 * 100.0).round().min(100.0);
            let stages =
                summary.stages.iter().filter_map(|one| Some((Tone::stage(&one.stage)?, one.duration_ns.0)));
            let waits = stages.filter(|(tone, ns)| tone.waits() && *ns > 0);
            let waits =
                waits.map(|(tone, ns)| format!("{} {}", tone.name().to_lowercase(), time::coarse(ns)));
            format!("{share} %: {}", waits.collect::<Vec<_>>().join(", "))
        }
    };
    let mut agents: Vec<(&str, u64)> = Vec::new();
    for node in model.nodes.iter().filter(|node| node.stage.is_some_and(Tone::works)) {
        let Some(agent) = node.span.text("interaction.agent.id") else { continue };
        match agents.iter_mut().find(|(known, _)| *known == agent) {
            Some((_, worked)) => *worked += node.duration(),
            None => agents.push((agent, node.duration())),
        }
    }
    let name =
        |id: &str| summary.agent_names.get(id).map_or_else(|| model.agent(id).to_owned(), Clone::clone);
    let by = agents
        .iter()
        .map(|(id, worked)| format!("{} {}", text::fitted(&name(id), 30), time::coarse(*worked)));
    let by =
        if agents.len() > 3 { format!("{} agents", agents.len()) } else { by.collect::<Vec<_>>().join(", ") };
    let complete = Completeness::of(model, truncated);
    let mut facts = vec![
        fact("Total", &time::duration(summary.duration_ns.0), &line),
        fact(if written { "Customer waited" } else { "Caller waited" }, &took(summary.waited_ns.0), &share),
        fact("Agents worked", &took(summary.worked_ns.0), &by),
    ];
    facts.extend(answered(model).map(|ns| fact("Answered after", &time::duration(ns), "")));
    let spans = format!(
        "{}; {} spans, {} {}",
        complete.words(summary.running, truncated),
        summary.span_count,
        summary.trace_count,
        if summary.trace_count == 1 { "trace" } else { "traces" }
    );
    facts.push(fact("Complete", &format!("{} %", complete.percent), &spans));
    facts
}

/// From the first queue to the first talk.
fn answered(model: &Model<'_>) -> Option<u64> {
    let first =
        |stage| model.nodes.iter().filter(|node| node.stage == Some(stage)).map(|node| node.start).min();
    first(Tone::Talk)?.checked_sub(first(Tone::Queue)?)
}

/// Everything between the facts and the pictures.
pub(super) fn beside(model: &Model<'_>, beside: &Beside, options: &Options) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(chain) = beside.chain.as_ref().filter(|chain| chain.calls.len() > 1) {
        lines.push(Line::new());
        lines.extend(calls(chain, options));
    }
    if let Some(path) = beside.path.as_ref().filter(|path| !path.shares.is_empty()) {
        lines.push(Line::new());
        lines.extend(shares(path, options));
    }
    let lost = lost(model, options.now_ns);
    if !lost.is_empty() {
        lines.push(Line::new());
    }
    for (cause, count) in lost.iter().take(LOST) {
        lines.extend(place(cause, *count, options.width));
    }
    if lost.len() > LOST {
        lines.push(Line::new().with(Style::Faint, &format!("  {} more places below", lost.len() - LOST)));
    }
    lines
}

fn place(cause: &Cause<'_>, count: usize, width: usize) -> Vec<Line> {
    let mut what = match cause.from {
        Some(from) => format!("! Context lost at {from} → {}", cause.service),
        None => format!("! {}: {}", cause.service, cause.kind.words()),
    };
    if count > 1 {
        what += &format!(" ({count} times)");
    }
    let mut lines = vec![Line::new().with(Style::Warn, &what).cut(width)];
    let mend = cause.mend().unwrap_or_default();
    let mend = text::wrapped(&mend, width.saturating_sub(2));
    lines.extend(mend.iter().map(|text| Line::new().with(Style::Plain, "  ").with(Style::Plain, text)));
    lines
}

fn calls(chain: &Chain, options: &Options) -> Vec<Line> {
    let cut = if chain.truncated { ", cut off" } else { "" };
    let whole =
        format!("Call chain: {} calls, {}{cut}", chain.calls.len(), time::duration(chain.duration_ns.0));
    let mut lines = vec![Line::new().with(Style::Strong, &whole)];
    for call in chain.calls.iter().take(CALLS) {
        let this = call.place == "this";
        let mut line = Line::new().with(Style::Plain, if this { "▶ " } else { "  " });
        let joined = match (&call.link, call.ambiguous) {
            (Some(link), true) => format!("{link}? "),
            (Some(link), false) => format!("{link} "),
            (None, _) => String::new(),
        };
        line.push(Style::Faint, &joined);
        line.push(if this { Style::Strong } else { Style::Plain }, &call.interaction.id);
        let at = time::clock(call.interaction.start_ns.0, &options.zone);
        line.push(Style::Plain, &format!("  {at}  {}  ", time::duration(call.interaction.duration_ns.0)));
        line.push(Style::Faint, &call.interaction.queues.join(" → "));
        lines.push(line.cut(options.width));
    }
    if chain.calls.len() > CALLS {
        lines.push(Line::new().with(Style::Faint, &format!("  {} more calls", chain.calls.len() - CALLS)));
    }
    lines
}

/// Where the time on the line went, by the kind of span that was waited for.
fn shares(path: &Path, options: &Options) -> Vec<Line> {
    let mut lines = vec![Line::new().with(Style::Strong, "Critical path: what the caller waited for")];
    let bar = options.width.saturating_sub(50).clamp(8, 40);
    for share in path.shares.iter().take(SHARES) {
        let tone = share.stage.as_deref().and_then(Tone::stage);
        let mut line = Line::new();
        line.column(Style::Plain, &format!("{:.0} %", share.share * 100.0), 6, true);
        line.column(Style::Plain, &time::coarse(share.duration_ns.0), 12, true);
        line.push(Style::Plain, "  ");
        let filled = ((share.share.clamp(0.0, 1.0) * bar as f64).round() as usize).max(1);
        line.push(Style::On(tone.unwrap_or(Tone::Http)), &"█".repeat(filled));
        line.pad_to(20 + bar + 1);
        line.push(Style::Plain, &share.name);
        if tone.is_none() {
            line.push(Style::Faint, &format!(" · {}", share.service));
        }
        if share.n > 1 {
            line.push(Style::Faint, &format!(" ×{}", share.n));
        }
        lines.push(line.cut(options.width));
    }
    lines
}

/// Beside each other as long as there is room; what is longer than a line is cut.
fn flow(items: Vec<Line>, between: &str, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for item in items {
        let item = item.cut(width);
        match lines.last_mut() {
            Some(last) if last.width() + text::width(between) + item.width() <= width => {
                last.push(Style::Faint, between);
                last.append(item);
            }
            _ => lines.push(item),
        }
    }
    lines
}
