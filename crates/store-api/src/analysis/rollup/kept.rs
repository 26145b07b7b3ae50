//! What a store has counted before anybody asked.

use std::sync::Arc;

use super::Row;
use crate::error::StoreError;
use crate::question::Range;

const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How wide rows are that are kept.
pub const WIDTHS: [u64; 3] = [5 * MINUTE, HOUR, DAY];
pub const LEAST_NS: u64 = 5 * MINUTE;

/// Counted over all parts of a store together, so that a span counts once, with what its whole trace says.
pub trait Rollups {
    /// What is kept of the finished spans that started in a range, in rows no wider than `widest`. A row counts from a
    /// multiple of its width on.
    fn rollups(&self, range: Range, widest: u64) -> Result<Kept, StoreError>;
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Kept {
    /// As they lie in files: shared with whoever asks next.
    pub rows: Vec<Arc<Vec<Row>>>,
    /// Of these parts of the range nothing is kept, and spans have to be looked at; in the order of time.
    pub rest: Vec<Range>,
}

impl Kept {
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flat_map(|rows| rows.iter())
    }

    /// What started before is not counted at all.
    pub fn rows_since(&self, complete_from: u64) -> impl Iterator<Item = &Row> {
        self.rows().filter(move |row| row.t >= complete_from)
    }
}

/// How wide the steps of a range are, of which there are to be so many at most, and how wide the rows may be that they
/// consist of. Of less than an hour no rows are asked for.
pub fn wide_step(range_ns: u64, most: u64) -> (u64, u64) {
    let least = range_ns.max(1).div_ceil(most.max(1));
    let widest = match range_ns {
        ..HOUR => return (least, 0),
        HOUR..DAY => 5 * MINUTE,
        _ if range_ns < 20 * DAY => HOUR,
        _ => DAY,
    };
    (least.div_ceil(widest).saturating_mul(widest), widest)
}

/// With whole rows at both ends.
pub fn widened(range: Range, widest: u64) -> Range {
    let width = widest.max(1);
    Range { from: range.from - range.from % width, to: range.to.div_ceil(width).saturating_mul(width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_consist_of_whole_rows() {
        for (range, step, widest) in [
            (0, 1, 0),
            (30 * MINUTE, 37_500_000_000, 0),
            (HOUR, 5 * MINUTE, 5 * MINUTE),
            (6 * HOUR, 10 * MINUTE, 5 * MINUTE),
            (DAY, HOUR, HOUR),
            (7 * DAY, 4 * HOUR, HOUR),
            (30 * DAY, DAY, DAY),
            (90 * DAY, 2 * DAY, DAY),
        ] {
            assert_eq!(wide_step(range, 48), (step, widest), "{range}");
        }
        let (step, widest) = wide_step(u64::MAX, 48);
        assert!(step >= u64::MAX / 49 && widest == DAY);
        assert_eq!(widened(Range { from: 7, to: 21 }, 5), Range { from: 5, to: 25 });
        assert_eq!(widened(Range { from: 7, to: 21 }, 0), Range { from: 7, to: 21 });
        assert_eq!(widened(Range::ALL, DAY).to, u64::MAX);
    }
}
