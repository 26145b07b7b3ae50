//! The steps of time that numbers are told for.

use store_api::Range;

use crate::error::ApiError;

/// Steps of an answer.
const MOST: u64 = 11_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

/// Steps of one length, the first of which begins at a multiple of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Axis {
    from: u64,
    pub(super) step: u64,
    pub(super) count: usize,
}

impl Axis {
    /// The steps that have something of the range.
    pub(super) fn new(range: Range, step: u64) -> Result<Self, ApiError> {
        let step = step.max(1);
        let (first, last) = (range.from / step, range.to.saturating_sub(1) / step);
        let count = last.saturating_sub(first).saturating_add(1);
        if count > MOST {
            let help = format!("an answer has at most {MOST}: ask for longer steps or a shorter time");
            return Err(ApiError::bad_request(format!("{count} steps"), help));
        }
        Ok(Self { from: first * step, step, count: count as usize })
    }

    /// One step that is the whole range.
    pub(super) fn whole(range: Range) -> Self {
        Self { from: range.from, step: range.to - range.from, count: 1 }
    }

    pub(super) fn range(&self) -> Range {
        Range { from: self.from, to: self.from.saturating_add(self.step.saturating_mul(self.count as u64)) }
    }

    /// The step of a time.
    pub(super) fn place(&self, ns: u64) -> Option<usize> {
        let at = usize::try_from(ns.checked_sub(self.from)? / self.step).ok()?;
        (at < self.count).then_some(at)
    }

    /// When a step begins.
    pub(super) fn start_ns(&self, at: usize) -> u64 {
        self.from.saturating_add(self.step.saturating_mul(at as u64))
    }

    pub(super) fn seconds(&self) -> f64 {
        self.step as f64 / SECOND as f64
    }
}

/// As Tempo chooses it where nobody says: some two hundred steps of a usual length.
pub(super) fn usual_step(range: Range) -> u64 {
    let window = range.to.saturating_sub(range.from);
    let baseline = window / 240;
    if window < MINUTE {
        let least = SECOND / 20;
        return (baseline / least * least).max(least);
    }
    let usual = [60 * MINUTE, 5 * MINUTE, MINUTE, 15 * SECOND, 5 * SECOND, SECOND];
    let unit = usual.into_iter().find(|unit| *unit < baseline).unwrap_or(SECOND);
    (baseline / unit * unit).max(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_at_multiples() {
        let axis = Axis::new(Range { from: 95, to: 121 }, 10).unwrap();
        assert_eq!((axis.range(), axis.count), (Range { from: 90, to: 130 }, 4));
        for (ns, place) in
            [(89, None), (90, Some(0)), (99, Some(0)), (100, Some(1)), (129, Some(3)), (130, None)]
        {
            assert_eq!(axis.place(ns), place, "{ns}");
        }
        assert_eq!(axis.start_ns(3), 120);
        assert_eq!(
            Axis::new(Range { from: 90, to: 120 }, 10).unwrap().count,
            3,
            "the end is not of the range"
        );
        assert!(Axis::new(Range::ALL, SECOND).is_err());
        assert!(Axis::new(Range { from: 0, to: 10 }, 0).is_ok());
        assert_eq!(Axis::whole(Range { from: 5, to: 9 }).place(8), Some(0));
    }

    #[test]
    fn the_usual_step_fits_the_window() {
        let of = |seconds: u64| usual_step(Range { from: 0, to: seconds * SECOND }) as f64 / SECOND as f64;
        for (window, step) in [
            (30, 0.1),
            (59, 0.2),
            (300, 1.0),
            (3600, 15.0),
            (6 * 3600, 60.0),
            (24 * 3600, 300.0),
            (7 * 86_400, 2400.0),
        ] {
            assert_eq!(of(window), step, "{window}");
        }
    }
}
