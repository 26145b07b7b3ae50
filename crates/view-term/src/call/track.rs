//! Bars and the scale, in cells.

use super::axis::{Axis, CELL};
use super::lanes::during;
use super::model::{Model, Node};
use crate::paint::{Line, Style};
use crate::stage::Tone;
use crate::text;
use crate::time::{self, MS, SECOND};

/// A row of cells; what is put later stands above.
pub(super) struct Track {
    cells: Vec<(char, Style)>,
}

const CUT: [char; 2] = ['╱', '╱'];

impl Track {
    pub(super) fn new(cells: usize) -> Self {
        Self { cells: vec![(' ', Style::Plain); cells] }
    }

    /// One span, with the first of the labels that fits.
    pub(super) fn bar(&mut self, axis: &Axis, node: &Node<'_>, labels: &[String]) {
        let (from, to) = axis.bar(node.start, node.end);
        let fill = fill(node.tone);
        let style = Style::On(node.tone);
        self.halve(from, to);
        self.put(from, &vec![fill; to - from], style);
        if node.tone == Tone::Call && to - from > 1 {
            self.put(from, &['├'], style);
            self.put(to - 1, &['┤'], style);
        }
        if !node.span.finished {
            self.put(to - 1, &['▸'], style);
        }
        let mut room = to - from;
        for cut in axis.cuts(node.start, node.end) {
            if cut > from && cut + 2 < to {
                self.put(cut, &CUT, style);
                room = room.min(cut - from);
            }
        }
        if let Some(label) = labels.iter().find(|label| text::width(&text::shown(label)) + 2 <= room) {
            let label = text::shown(label);
            let mut at = from;
            for c in format!("{fill}{label}{fill}").chars() {
                let wide = text::width(c.encode_utf8(&mut [0; 4]));
                self.put(at, &[c], style);
                // The second cell of a wide character holds nothing.
                (1..wide).for_each(|more| self.put(at + more, &['\0'], style));
                at += wide;
            }
        }
    }

    pub(super) fn text(&mut self, at: usize, text: &str, style: Style) {
        self.put(at, &text.chars().collect::<Vec<_>>(), style);
    }

    /// A wide character that a bar covers by half goes.
    fn halve(&mut self, from: usize, to: usize) {
        let halved = |cells: &[(char, Style)], at: usize| cells.get(at).is_some_and(|(c, _)| *c == '\0');
        if halved(&self.cells, from) && from > 0 {
            self.put(from - 1, &[' '], Style::Plain);
        }
        if halved(&self.cells, to) {
            self.put(to, &[' '], Style::Plain);
        }
    }

    fn put(&mut self, at: usize, chars: &[char], style: Style) {
        for (cell, c) in self.cells.iter_mut().skip(at).zip(chars) {
            *cell = (*c, style);
        }
    }

    pub(super) fn write(&self, line: &mut Line) {
        for (c, style) in self.cells.iter().filter(|(c, _)| *c != '\0') {
            line.push(*style, c.encode_utf8(&mut [0; 4]));
        }
    }
}

/// Solid: somebody or something works for the caller. Dotted: the caller waits.
fn fill(tone: Tone) -> char {
    match tone {
        Tone::Call => '─',
        _ if tone.waits() => '░',
        _ => '█',
    }
}

/// Two lines: moments since the start with the length of each gap, and steps within what is to scale.
pub(super) fn scale(model: &Model<'_>, axis: &Axis) -> [Track; 2] {
    let (mut moments, mut steps) = (Track::new(axis.cells), Track::new(axis.cells));
    let mut free = 0;
    for piece in &axis.pieces {
        let (from, to) = (piece.x.round() as usize, (piece.x + piece.width).round() as usize);
        if piece.gap {
            let room = to.saturating_sub(from);
            steps.text(from, &"╌".repeat(room), Style::Faint);
            let took = time::coarse(piece.to - piece.from);
            let stage =
                during(model, piece.from, piece.to).map(|node| format!("{} {took}", node.tone.name()));
            let seconds = (piece.to - piece.from + SECOND / 2) / SECOND;
            let minutes = format!("{}:{:02}", seconds / 60, seconds % 60);
            let words = stage.into_iter().chain([took, minutes]).find(|words| text::width(words) <= room);
            if let Some(words) = words {
                let at = from + (room - text::width(&words)) / 2;
                steps.text(at, &words, Style::Faint);
            }
            continue;
        }
        let moment = time::tick(piece.from);
        if from >= free && from + text::width(&moment) < axis.cells.min(to.max(from + 12)) {
            moments.text(from, &moment, Style::Plain);
            free = from + text::width(&moment) + 1;
        }
        step(&mut steps, piece.to - piece.from, from, to, piece.width);
    }
    [moments, steps]
}

/// Round steps six cells from each other; the unit is said once, at zero.
fn step(track: &mut Track, length: u64, from: usize, to: usize, width: f64) {
    const APART: f64 = 44.0 / CELL;
    let step = round_up(length as f64 * APART / width.max(1.0));
    if step > length {
        return;
    }
    let (unit, name) = unit_of(step);
    let mut marks = vec![(from, format!("0 {name}"))];
    let mut at = step;
    while at <= length {
        let x = from + (width * at as f64 / length as f64).round() as usize;
        let count = at as f64 / unit as f64;
        let text = if step.is_multiple_of(unit) { format!("{count:.0}") } else { format!("{count:.1}") };
        if x + text.len() < to {
            marks.push((x, text));
        }
        at += step;
    }
    if marks.len() > 1 {
        marks.iter().for_each(|(x, text)| track.text(*x, text, Style::Faint));
    }
}

fn round_up(ns: f64) -> u64 {
    const LONG: [u64; 9] = [60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
    if ns > 30.0 * SECOND as f64 {
        let long = LONG.into_iter().map(|seconds| seconds * SECOND).find(|one| *one as f64 >= ns);
        return long.unwrap_or(u64::MAX);
    }
    let power = 10f64.powf(ns.max(1.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|one| one * power).find(|one| *one >= ns * 0.999);
    step.unwrap_or(10.0 * power) as u64
}

fn unit_of(step: u64) -> (u64, &'static str) {
    match step {
        _ if step >= 3600 * SECOND => (3600 * SECOND, "h"),
        _ if step >= 60 * SECOND => (60 * SECOND, "m"),
        _ if step >= 200 * MS => (SECOND, "s"),
        _ if step >= MS / 2 => (MS, "ms"),
        _ => (1_000, "µs"),
    }
}
