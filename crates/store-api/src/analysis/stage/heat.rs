//! How many spans began in which step of time, and took how long.

use crate::analysis::histogram::Histogram;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heat {
    pub from: u64,
    pub step_ns: u64,
    /// One more than there are rows; a duration of exactly a bound is in the row below it.
    pub bounds: Vec<u64>,
    /// One list for each step.
    pub counts: Vec<Vec<u64>>,
}

/// Rows are counted by the power of √2 that their spans took longer than. About a millisecond is short enough for a row
/// of its own.
const SHORTEST: i32 = 39;

impl Heat {
    pub(super) fn of<'a>(
        from: u64,
        step_ns: u64,
        whole: &Histogram,
        steps: impl Iterator<Item = &'a Histogram>,
    ) -> Self {
        if whole.count() == 0 {
            return Self { from, step_ns, bounds: Vec::new(), counts: steps.map(|_| Vec::new()).collect() };
        }
        let used: Vec<i32> = rows(whole).filter(|(_, count)| *count > 0).map(|(row, _)| row).collect();
        let first = used.first().map_or(SHORTEST, |row| SHORTEST.max(*row));
        let last = used.last().map_or(first, |row| first.max(*row));
        let mut bounds: Vec<u64> = (first..=last + 1).map(bound).collect();
        if let Some(lowest) = bounds.first_mut().filter(|_| used.first().is_some_and(|row| *row < first)) {
            *lowest = 0;
        }
        let counted = |histogram: &Histogram| {
            let mut counts = vec![0; (last - first + 1) as usize];
            for (row, count) in rows(histogram) {
                if let Some(cell) = counts.get_mut((row.clamp(first, last) - first) as usize) {
                    *cell += count;
                }
            }
            counts
        };
        Self { from, step_ns, counts: steps.map(counted).collect(), bounds }
    }
}

/// What each bucket holds, and its row. From scale 1 on all of a bucket is in one row; of a wider one it is its middle.
fn rows(histogram: &Histogram) -> impl Iterator<Item = (i32, u64)> {
    let scale = histogram.scale();
    let row = move |index: i32| {
        let middle = 2 * index + 1;
        if scale < 0 { middle << -scale } else { middle >> scale }
    };
    let zeros = Some((0, histogram.zeros())).filter(|(_, zeros)| *zeros > 0);
    zeros.into_iter().chain(histogram.buckets().map(move |(index, count)| (row(index), count)))
}

fn bound(row: i32) -> u64 {
    (f64::from(row) / 2.0).exp2().round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(durations: &[u64], scale: u8) -> Histogram {
        let mut histogram = Histogram::precise();
        durations.iter().for_each(|ns| histogram.record(*ns));
        let index = |index: i32| index >> (5 - scale);
        let first = histogram.buckets().next().map_or(0, |(first, _)| index(first));
        let mut counts = Vec::new();
        for (at, count) in histogram.buckets() {
            counts.resize(counts.len().max((index(at) - first + 1) as usize), 0);
            *counts.last_mut().unwrap() += count;
        }
        let ends = [histogram.min(), histogram.max()].map(Option::unwrap_or_default);
        let (zeros, sum) = (histogram.zeros(), histogram.sum());
        Histogram::from_parts(scale as i8, first, counts, zeros, sum, ends).unwrap()
    }

    proptest! {
        #[test]
        fn every_duration_has_a_row(durations in proptest::collection::vec(any::<u64>(), 1..50), scale in 0u8..=5) {
            // Up to three days.
            let durations: Vec<u64> = durations.iter().map(|ns| ns >> 16).collect();
            let histogram = of(&durations, scale);
            let heat = Heat::of(0, 1, &histogram, std::iter::once(&histogram));
            prop_assert_eq!(heat.counts[0].iter().sum::<u64>(), durations.len() as u64);
            prop_assert_eq!(heat.counts[0].len() + 1, heat.bounds.len());
            prop_assert!(heat.bounds.is_sorted());
            let last = heat.counts[0].last().copied().unwrap_or_default();
            prop_assert!(last > 0, "no row is empty for nothing: {:?}", heat);
            if scale == 0 {
                return Ok(());
            }
            for (row, bound) in heat.bounds.iter().enumerate().skip(1) {
                let told = heat.counts[0].iter().take(row).sum::<u64>();
                // Bounds are rounded.
                let up_to = |bound: u64| durations.iter().filter(|ns| **ns <= bound).count() as u64;
                prop_assert!((up_to(bound - 1)..=up_to(bound + 1)).contains(&told), "{told} up to {bound}: {heat:?}");
            }
        }
    }

    #[test]
    fn without_spans_there_are_steps_and_no_rows() {
        let none = Histogram::default();
        let heat = Heat::of(0, 1, &none, [&none, &none].into_iter());
        assert_eq!((heat.counts, heat.bounds), (vec![Vec::<u64>::new(); 2], Vec::new()));
    }
}
