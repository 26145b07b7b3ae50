//! One interaction, or one trace, as lines.

use jiff::tz::TimeZone;

use super::axis::Axis;
use super::head;
use super::lanes::{Lane, lanes};
use super::model::Model;
use super::track::{Track, scale};
use super::waterfall::waterfall;
use crate::answer::{Chain, Interaction, Path, Percentiles, Trace};
use crate::paint::{Line, Style};
use crate::text;
use crate::time;

/// How it is to be drawn.
pub struct Options {
    /// Cells of a line.
    pub width: usize,
    pub zone: TimeZone,
    pub now_ns: u64,
    /// Rows of the tree.
    pub spans: usize,
    /// The span that was asked for.
    pub wanted: Option<String>,
}

/// What the server works out about a call; the picture stands without it too.
#[derive(Default)]
pub struct Beside {
    pub path: Option<Path>,
    pub chain: Option<Chain>,
    pub percentiles: Option<Percentiles>,
}

/// Cells of what stands left of the time.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) name: usize,
    pub(super) duration: usize,
    pub(super) percentile: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let percentile = if width >= 100 { 5 } else { 0 };
        let name = (width * 3 / 10).clamp(18, 60);
        Self { name, duration: 11, percentile }
    }

    fn left(self) -> usize {
        self.name + self.duration + self.percentile + 1
    }
}

pub fn interaction(found: &Interaction, beside: &Beside, options: &Options) -> Vec<Line> {
    let model = Model::of(&found.spans);
    let mut lines = head::head(&found.interaction, &model, found.truncated, options);
    lines.extend(head::beside(&model, beside, options));
    lines.extend(pictures(&model, beside.percentiles.as_ref(), options));
    finished(lines, found.truncated, options)
}

pub fn trace(found: &Trace, options: &Options) -> Vec<Line> {
    let model = Model::of(&found.spans);
    let mut lines = vec![Line::new().with(Style::Plain, "trace ").with(Style::Strong, &found.trace_id)];
    let interactions = match found.interaction_ids.as_slice() {
        [] => "of no interaction: no span of it carries `interaction.id`".to_owned(),
        ids => format!("of {}", ids.join(", ")),
    };
    lines.push(Line::new().with(Style::Plain, &interactions).cut(options.width));
    let errors = model.nodes.iter().filter(|node| node.span.failed()).count();
    let errors = if errors > 0 { format!(" · ✗ {errors} failed") } else { String::new() };
    let facts = format!(
        "{} · {} · {} spans{errors}",
        time::moment(model.start_ns, &options.zone),
        time::duration(model.length),
        found.spans.len()
    );
    lines.push(Line::new().with(Style::Plain, &facts).cut(options.width));
    lines.extend(head::beside(&model, &Beside::default(), options));
    lines.extend(pictures(&model, None, options));
    finished(lines, found.truncated, options)
}

fn finished(mut lines: Vec<Line>, truncated: bool, options: &Options) -> Vec<Line> {
    if truncated {
        let words = "There are more spans than an answer holds: `throughline export` has them all.";
        let words = text::wrapped(words, options.width);
        lines.extend(words.iter().map(|words| Line::new().with(Style::Warn, words)));
    }
    lines.into_iter().map(|line| line.cut(options.width)).collect()
}

fn pictures(model: &Model<'_>, percentiles: Option<&Percentiles>, options: &Options) -> Vec<Line> {
    let columns = Columns::of(options.width);
    let axis = Axis::of(model, options.width.saturating_sub(columns.left()).max(10));
    let mut lines = vec![Line::new()];
    let [moments, steps] = scale(model, &axis);
    for track in [moments, steps] {
        let mut line = Line::new();
        line.pad_to(columns.left());
        track.write(&mut line);
        lines.push(line);
    }
    let lanes = lanes(model);
    lines.extend(lanes.iter().map(|one| lane(model, &axis, columns, one)));
    if !lanes.is_empty() {
        lines.push(Line::new());
    }
    lines.extend(waterfall(model, &axis, columns, options, percentiles));
    lines
}

fn lane(model: &Model<'_>, axis: &Axis, columns: Columns, lane: &Lane) -> Line {
    let mut line = Line::new();
    line.push(Style::Plain, if lane.level > 0 { "  └ " } else { "  " });
    line.push(Style::Strong, lane.name);
    let room = columns.name.saturating_sub(line.width() + 2);
    if !lane.detail.is_empty() {
        line.push(Style::Plain, " ");
        line.push(Style::Faint, &text::fitted(&lane.detail, room));
    }
    let mut line = line.cut(columns.name);
    line.pad_to(columns.name);
    line.column(Style::Plain, &time::coarse(lane.total), columns.duration, true);
    line.pad_to(columns.left());
    let mut track = Track::new(axis.cells);
    for bar in &lane.bars {
        track.bar(axis, &model.nodes[bar.id], &bar.labels);
    }
    track.write(&mut line);
    line
}
