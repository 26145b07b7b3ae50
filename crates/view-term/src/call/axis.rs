//! Time to cells, with long stretches in which nothing begins or ends pressed together. The rules and their figures are
//! the page's, whose pixels are a seventh of a cell.

use std::collections::BTreeMap;

use super::model::Model;
use crate::time::{MS, SECOND};

/// A stretch without a span boundary becomes a gap when it is longer than this.
const GAP: u64 = 10 * SECOND;
/// A stretch longer than this in which only a voice stage runs gets a scale of its own, so that it does not squash the
/// work beside it. Work keeps one scale, however long: the slow query has to look slow.
const QUIET: u64 = 200 * MS;
const GAPS_AT_MOST: f64 = 0.6;
/// Pixels of the page in a cell.
pub(super) const CELL: f64 = 7.0;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Piece {
    pub(super) gap: bool,
    pub(super) from: u64,
    pub(super) to: u64,
    /// In cells.
    pub(super) x: f64,
    pub(super) width: f64,
}

#[derive(Debug)]
pub(super) struct Axis {
    pub(super) pieces: Vec<Piece>,
    pub(super) cells: usize,
}

impl Axis {
    pub(super) fn of(model: &Model<'_>, cells: usize) -> Self {
        let mut stretches = stretches(model);
        if stretches.is_empty() {
            stretches.push(Stretch { most: f64::INFINITY, ..Stretch::busy(0, model.length.max(1)) });
        }
        Self { pieces: laid_out(&stretches, cells as f64 * CELL), cells }
    }

    /// The cell at which a moment stands.
    pub(super) fn x(&self, time: u64) -> f64 {
        let at = self.pieces.partition_point(|piece| piece.to < time);
        let Some(piece) = self.pieces.get(at).or(self.pieces.last()) else { return 0.0 };
        let share = time.saturating_sub(piece.from) as f64 / (piece.to - piece.from).max(1) as f64;
        piece.x + piece.width * share.min(1.0)
    }

    /// First cell and the one behind the last of a bar: never none.
    pub(super) fn bar(&self, start: u64, end: u64) -> (usize, usize) {
        let from = (self.x(start).round() as usize).min(self.cells.saturating_sub(1));
        (from, (self.x(end).round() as usize).clamp(from + 1, self.cells.max(from + 1)))
    }

    /// Cells at which a bar over this time runs across a whole gap.
    pub(super) fn cuts(&self, start: u64, end: u64) -> impl Iterator<Item = usize> {
        let whole = move |piece: &&Piece| piece.gap && start <= piece.from && piece.to <= end;
        self.pieces
            .iter()
            .filter(whole)
            .map(|piece| (piece.x + piece.width).round() as usize)
            .map(|x| x.saturating_sub(2))
    }
}

struct Stretch {
    from: u64,
    to: u64,
    /// Width of a gap; 0 for work.
    gap: f64,
    least: f64,
    /// More than this shows nothing more.
    most: f64,
    weight: f64,
}

impl Stretch {
    fn busy(from: u64, to: u64) -> Self {
        Self { from, to, gap: 0.0, least: 6.0, most: 120.0, weight: 1.0 }
    }

    fn quiet(from: u64, to: u64) -> Self {
        let weight = 1.0 + (1.0 + seconds(to - from)).log2() / 2.5;
        Self { least: 14.0, weight, ..Self::busy(from, to) }
    }

    fn gap(from: u64, to: u64) -> Self {
        let gap = (24.0 + 9.0 * (seconds(to - from) / 10.0).log2()).max(42.0);
        Self { from, to, gap, least: 0.0, most: 0.0, weight: 0.0 }
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / SECOND as f64
}

fn stretches(model: &Model<'_>) -> Vec<Stretch> {
    let mut running: BTreeMap<u64, i64> = BTreeMap::new();
    for node in model.nodes.iter() {
        let work = i64::from(node.tone.is_work());
        *running.entry(node.start).or_default() += work;
        *running.entry(node.end).or_default() -= work;
    }
    let mut stretches = Vec::new();
    let (mut begun, mut work) = (0, 0);
    let times: Vec<(u64, i64)> = running.into_iter().collect();
    for pair in times.windows(2) {
        let &[(start, change), (end, _)] = pair else { continue };
        work += change;
        let is_gap = end - start > GAP;
        if !is_gap && (end - start <= QUIET || work > 0) {
            continue;
        }
        if start > begun {
            stretches.push(Stretch::busy(begun, start));
        }
        stretches.push(if is_gap { Stretch::gap(start, end) } else { Stretch::quiet(start, end) });
        begun = end;
    }
    if model.length > begun {
        stretches.push(Stretch::busy(begun, model.length));
    }
    weigh(&mut stretches, model);
    stretches
}

/// Many spans inside a stretch, and short ones among them, ask for room.
fn weigh(stretches: &mut [Stretch], model: &Model<'_>) {
    let mut inside: BTreeMap<usize, (f64, u64)> = BTreeMap::new();
    for node in model.nodes.iter() {
        let at = stretches.partition_point(|one| one.to <= node.start);
        let home = stretches
            .get(at)
            .filter(|home| home.gap == 0.0 && node.start >= home.from && node.end <= home.to);
        if home.is_none() {
            continue;
        }
        let (count, shortest) = inside.entry(at).or_insert((0.0, u64::MAX));
        *count += 1.0;
        if node.duration() > 0 {
            *shortest = node.duration().min(*shortest);
        }
    }
    for (at, (count, shortest)) in inside {
        let Some(home) = stretches.get_mut(at) else { continue };
        let detail = if shortest == u64::MAX {
            0.0
        } else {
            (1.0 + (home.to - home.from) as f64 / shortest as f64).log2().min(12.0)
        };
        home.least = home.least.max(20.0);
        home.most = home.most.max(120.0 + 40.0 * count);
        home.weight = home.weight.max((count + 1.0).min(60.0).powf(0.9) * (1.0 + detail / 2.0));
    }
}

/// Gaps keep their width and work shares the rest. Where there is not room for all, everything shrinks alike; where work
/// has more room than it can use, the gaps take it, so that half a second of set-up does not dwarf a minute of queue.
fn laid_out(stretches: &[Stretch], width: f64) -> Vec<Piece> {
    let sum = |of: fn(&Stretch) -> f64| stretches.iter().map(of).sum::<f64>();
    let (gaps, weights, least) = (sum(|one| one.gap), sum(|one| one.weight), sum(|one| one.least));
    let or_one = |sum: f64| if sum > 0.0 { sum } else { 1.0 };
    let shrink = (width * GAPS_AT_MOST / or_one(gaps)).min(1.0);
    let rest = width - gaps * shrink;
    let least_scale = (rest * 0.8 / or_one(least)).min(1.0);
    let shared = rest - least * least_scale;
    let room = |one: &Stretch| {
        let share = one.least * least_scale + shared * one.weight / or_one(weights);
        if gaps > 0.0 { share.min(one.most) } else { share }
    };
    let work: f64 = stretches.iter().filter(|one| one.gap == 0.0).map(room).sum();
    let gap_scale = (width - work) / or_one(gaps);
    let mut x = 0.0;
    let piece = |one: &Stretch| {
        let pixels = if one.gap > 0.0 { one.gap * gap_scale } else { room(one) };
        let wide = pixels / CELL;
        x += wide;
        Piece { gap: one.gap > 0.0, from: one.from, to: one.to, x: x - wide, width: wide }
    };
    stretches.iter().map(piece).collect()
}
