//! The tree with its bars.

use std::collections::HashMap;

use super::axis::Axis;
use super::cause::cause;
use super::chosen::{Row, rows};
use super::model::{Id, Model, Node};
use super::show::{Columns, Options};
use super::track::Track;
use crate::answer::Percentiles;
use crate::paint::{Line, Style};
use crate::text;
use crate::time;

/// Deeper than this, a row says its depth instead of showing it.
const DEEPEST: usize = 12;
/// From this on, a span stands out among those of its kind.
const SLOW: f64 = 95.0;
/// Fewer of its kind tell nothing.
const ENOUGH: u64 = 20;
/// Links told for one span.
const LINKS: usize = 3;

pub(super) fn waterfall(
    model: &Model<'_>,
    axis: &Axis,
    columns: Columns,
    options: &Options,
    percentiles: Option<&Percentiles>,
) -> Vec<Line> {
    let chosen = rows(model, options.spans, |id| is_wanted(model.nodes[id].span, options));
    let slow: HashMap<(&str, &str), f64> = percentiles
        .into_iter()
        .flat_map(|found| &found.spans)
        .filter(|span| span.percentile >= SLOW && span.n >= ENOUGH)
        .map(|span| ((span.trace_id.as_str(), span.span_id.as_str()), span.percentile))
        .collect();
    let mut lines = Vec::new();
    let mut guides = Guides::of(model, &chosen);
    for row in &chosen {
        match *row {
            Row::Span(id) => {
                let node = &model.nodes[id];
                let (guide, below) = guides.step(node.depth);
                let percentile = slow.get(&(node.span.trace_id.as_str(), node.span.span_id.as_str()));
                lines.push(line(model, node, axis, columns, options, &guide, percentile.copied()));
                lines.extend(notes(model, node, options).into_iter().map(|(style, note)| {
                    Line::new()
                        .with(Style::Plain, "  ")
                        .with(Style::Faint, &below)
                        .with(style, &note)
                        .cut(options.width)
                }));
            }
            Row::Rest { parent, count } => {
                let (guide, _) = guides.step(parent.map_or(0, |parent| model.nodes[parent].depth + 1));
                let what = if count == 1 { "span" } else { "spans" };
                let rest = format!("… {count} more {what}, shorter");
                lines
                    .push(Line::new().with(Style::Plain, "  ").with(Style::Faint, &format!("{guide}{rest}")));
            }
        }
    }
    lines
}

fn is_wanted(span: &crate::answer::Span, options: &Options) -> bool {
    options.wanted.as_ref().is_some_and(|wanted| span.span_id.eq_ignore_ascii_case(wanted))
}

fn line(
    model: &Model<'_>,
    node: &Node<'_>,
    axis: &Axis,
    columns: Columns,
    options: &Options,
    guide: &str,
    percentile: Option<f64>,
) -> Line {
    let mut line = Line::new();
    let (sign, style) = sign(model, node, options);
    line.push(style, sign);
    line.push(Style::Plain, " ");
    let strong = if is_wanted(node.span, options) {
        Style::Inverse
    } else if node.stage.is_some() {
        Style::Strong
    } else {
        Style::Plain
    };
    let service = match node.parent.map(|parent| &model.nodes[parent].span.service) {
        Some(above) if *above == node.span.service => String::new(),
        _ => format!(" · {}", text::fitted(&node.span.service, 40)),
    };
    let room = columns.name.saturating_sub(2 + text::width(guide));
    let name = text::fitted(&node.span.name, room);
    let left = room - text::width(&name);
    line.push(Style::Faint, guide);
    line.push(strong, &name);
    // A part of a service's name says little.
    if text::width(&service) <= left || left > 8 {
        line.push(Style::Faint, &text::fitted(&service, left));
    }
    line.pad_to(columns.name);
    let took = time::coarse(node.duration());
    line.column(if node.span.failed() { Style::Bad } else { Style::Plain }, &took, columns.duration, true);
    if columns.percentile > 0 {
        let rank =
            percentile.map(|rank| if rank >= 99.95 { "max".to_owned() } else { format!("p{rank:.0}") });
        line.column(Style::Warn, &rank.unwrap_or_default(), columns.percentile, true);
    }
    line.push(Style::Plain, " ");
    let mut track = Track::new(axis.cells);
    track.bar(axis, node, &[]);
    track.write(&mut line);
    line
}

fn sign(model: &Model<'_>, node: &Node<'_>, options: &Options) -> (&'static str, Style) {
    if node.span.failed() {
        ("✗", Style::Bad)
    } else if cause(model, node, options.now_ns).is_some() {
        ("!", Style::Warn)
    } else if !node.span.finished {
        ("▸", Style::Good)
    } else {
        (" ", Style::Plain)
    }
}

/// What stands below a span: its error, how it came here, where its links lead.
fn notes(model: &Model<'_>, node: &Node<'_>, options: &Options) -> Vec<(Style, String)> {
    let mut notes = Vec::new();
    if node.span.failed() && !node.span.status.message.is_empty() {
        notes.push((Style::Bad, format!("✗ {}", text::fitted(&node.span.status.message, options.width))));
    }
    if let Some(cause) = cause(model, node, options.now_ns) {
        let from = cause.from.map(|from| format!(" after {}", text::fitted(from, 40))).unwrap_or_default();
        notes.push((Style::Warn, format!("! {}{from}", cause.kind.words())));
    }
    for link in node.span.links.iter().take(LINKS) {
        let to =
            model.drawn().find(|one| one.span.span_id == link.span_id && one.span.trace_id == link.trace_id);
        let to = match to {
            Some(to) => format!("{} at {}", text::fitted(&to.span.name, 40), time::tick(to.start)),
            None => format!("trace {}", text::fitted(&link.trace_id, 32)),
        };
        notes.push((Style::Faint, format!("↪ link to {to}")));
    }
    if node.span.links.len() > LINKS {
        notes.push((Style::Faint, format!("↪ {} more links", node.span.links.len() - LINKS)));
    }
    notes
}

/// Which branches of the tree go on below a row.
struct Guides {
    /// For each row its depth, and whether a later row has the same parent.
    rows: std::vec::IntoIter<bool>,
    open: Vec<bool>,
}

impl Guides {
    fn of(model: &Model<'_>, rows: &[Row]) -> Self {
        let parent = |row: &Row| match row {
            Row::Span(id) => model.nodes[*id].parent,
            Row::Rest { parent, .. } => *parent,
        };
        let mut last: HashMap<Option<Id>, usize> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            last.insert(parent(row), at);
        }
        let goes_on: Vec<bool> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| last.get(&parent(row)).is_some_and(|end| *end > at))
            .collect();
        Self { rows: goes_on.into_iter(), open: Vec::new() }
    }

    /// In front of the row's name, and in front of its notes.
    fn step(&mut self, depth: usize) -> (String, String) {
        let goes_on = self.rows.next().unwrap_or(false);
        self.open.truncate(depth);
        let shown = self.open.iter().skip(1).take(DEEPEST);
        let above: String = shown.map(|open| if *open { "│ " } else { "  " }).collect();
        let deeper = if depth > DEEPEST { format!("{depth}… ") } else { String::new() };
        self.open.resize(depth, false);
        self.open.push(goes_on);
        if depth == 0 {
            return (String::new(), "  ".to_owned());
        }
        let (branch, under) = if goes_on { ("├ ", "│   ") } else { ("└ ", "    ") };
        (format!("{above}{deeper}{branch}"), format!("{above}{deeper}{under}"))
    }
}
