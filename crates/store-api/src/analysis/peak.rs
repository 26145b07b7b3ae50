//! How many went on at once.

use crate::question::Range;

/// The most interactions that went on at the same time, and when that first was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peak {
    pub n: u64,
    pub at_ns: u64,
}

impl Peak {
    /// Of the part of a range that is past at `now_ns`; nothing where none went on in it.
    /// Of interactions with their beginning, and their end where they do not go on.
    pub(crate) fn of(calls: &[(u64, Option<u64>)], range: Range, now_ns: u64) -> Option<Self> {
        let until = range.to.min(now_ns.saturating_add(1));
        let mut moments: Vec<(u64, bool)> = calls
            .iter()
            .filter(|(start, _)| *start < until)
            .filter_map(|(start, end)| {
                // One that takes no time was there for a moment.
                let end = end.unwrap_or(until).max(start.saturating_add(1));
                (end > range.from).then(|| [((*start).max(range.from), true), (end, false)])
            })
            .flatten()
            .collect();
        // Who ends in the moment in which another begins was not there with it.
        moments.sort_unstable();
        let (mut there, mut peak) = (0, None::<Self>);
        for (at_ns, begins) in moments {
            there = if begins { there + 1 } else { there - 1 };
            if peak.is_none_or(|peak| there > peak.n) {
                peak = Some(Self { n: there, at_ns });
            }
        }
        peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::{NINE, SECOND};

    fn call(start: u64, seconds: u64, runs: bool) -> (u64, Option<u64>) {
        let start = NINE + start * SECOND;
        (start, (!runs).then_some(start + seconds * SECOND))
    }

    #[test]
    fn the_most_at_once_and_when() {
        let at = |second: u64| NINE + second * SECOND;
        let range = Range { from: at(100), to: at(200) };
        let peak = |calls: &[(u64, Option<u64>)], now| {
            Peak::of(calls, range, at(now)).map(|peak| (peak.n, (peak.at_ns - NINE) / SECOND))
        };
        assert_eq!(peak(&[], 500), None);
        assert_eq!(peak(&[call(0, 100, false), call(200, 9, false)], 500), None, "beside the range");
        let calls = [call(50, 100, false), call(140, 20, false), call(150, 20, false)];
        assert_eq!(peak(&calls, 500), Some((2, 140)), "one ends as another begins");
        assert_eq!(peak(&[call(120, 0, false), call(120, 0, false)], 500), Some((2, 120)));
        assert_eq!(peak(&[call(110, 1, true), call(190, 1, false)], 500), Some((2, 190)), "it goes on");
        assert_eq!(peak(&[call(110, 1, true), call(190, 1, false)], 150), Some((1, 110)), "not yet");
    }
}
