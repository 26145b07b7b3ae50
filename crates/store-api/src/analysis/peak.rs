//! How many went on at once.

use crate::question::Range;
use crate::summary::Summary;

/// The most interactions that went on at the same time, and when that first was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peak {
    pub n: u64,
    pub at_ns: u64,
}

impl Peak {
    /// Of the part of a range that is past at `now_ns`; nothing where none went on in it.
    pub(crate) fn of(calls: &[Summary], range: Range, now_ns: u64) -> Option<Self> {
        let until = range.to.min(now_ns.saturating_add(1));
        let mut moments: Vec<(u64, bool)> = calls
            .iter()
            .filter(|call| call.start_ns < until)
            .filter_map(|call| {
                let end = if call.running() { until } else { call.end_ns };
                // One that takes no time was there for a moment.
                let end = end.max(call.start_ns.saturating_add(1));
                (end > range.from).then(|| [(call.start_ns.max(range.from), true), (end, false)])
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
    use crate::facts::Facts;
    use crate::span::key;
    use crate::testing::Sample;
    use crate::testing::sample::{NINE, SECOND};

    fn call(n: u8, start: u64, seconds: u64, runs: bool) -> Summary {
        let sample = Sample::new(n, 1).interaction(&n.to_string()).at(start, seconds);
        let span = if runs { sample.with(key::UNFINISHED, true).span() } else { sample.span() };
        Summary::of(&n.to_string(), [(span.trace_id, &Facts::of([&span]))])
    }

    #[test]
    fn the_most_at_once_and_when() {
        let at = |second: u64| NINE + second * SECOND;
        let range = Range { from: at(100), to: at(200) };
        let peak = |calls: &[Summary], now| {
            Peak::of(calls, range, at(now)).map(|peak| (peak.n, (peak.at_ns - NINE) / SECOND))
        };
        assert_eq!(peak(&[], 500), None);
        assert_eq!(peak(&[call(1, 0, 100, false), call(2, 200, 9, false)], 500), None, "beside the range");
        let calls = [call(1, 50, 100, false), call(2, 140, 20, false), call(3, 150, 20, false)];
        assert_eq!(peak(&calls, 500), Some((2, 140)), "one ends as another begins");
        assert_eq!(peak(&[call(1, 120, 0, false), call(2, 120, 0, false)], 500), Some((2, 120)));
        assert_eq!(peak(&[call(1, 110, 1, true), call(2, 190, 1, false)], 500), Some((2, 190)), "it goes on");
        assert_eq!(peak(&[call(1, 110, 1, true), call(2, 190, 1, false)], 150), Some((1, 110)), "not yet");
    }
}
