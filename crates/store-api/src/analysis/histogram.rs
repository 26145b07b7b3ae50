//! Durations counted in buckets that grow by a factor, as OpenTelemetry's exponential histograms.

use std::collections::VecDeque;

/// Counts of durations. Bucket `i` holds what is above `2^(i/2^scale)` and not above `2^((i+1)/2^scale)`; at scale 5 a
/// quantile is wrong by 1.1 % at most.
#[derive(Clone, PartialEq, Debug)]
pub struct Histogram {
    scale: i8,
    /// Buckets at most; where more would be needed, the scale goes down by one and the buckets are joined in pairs.
    most: usize,
    zero: u64,
    first: i32,
    counts: VecDeque<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// 2.2 % wide buckets.
const SCALE: i8 = 5;

impl Default for Histogram {
    fn default() -> Self {
        Self::with_buckets(Self::MOST)
    }
}

impl Histogram {
    /// Buckets of one that is kept: ten doublings of a duration before the scale goes down.
    pub const MOST: usize = 320;
    /// Enough for every 64-bit number at the full scale.
    const ALL: usize = 64 << SCALE;

    /// One that never loses precision, for an answer.
    pub fn precise() -> Self {
        Self::with_buckets(Self::ALL)
    }

    fn with_buckets(most: usize) -> Self {
        let counts = VecDeque::new();
        Self { scale: SCALE, most, zero: 0, first: 0, counts, count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    pub fn record(&mut self, value: u64) {
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        match value {
            0 => self.zero += 1,
            _ => self.put(index(value, self.scale), self.scale, 1),
        }
    }

    /// Takes in what another has counted; the result has the lower scale of the two, or a lower one still.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.zero += other.zero;
        while self.scale > other.scale {
            self.downscale();
        }
        let used = |(_, count): &(i32, u64)| *count > 0;
        let Some((first, _)) = other.buckets().find(used) else { return };
        let last = other.buckets().rfind(used).map_or(first, |(last, _)| last);
        self.reach(first, last, other.scale);
        if self.scale == other.scale {
            let within = (first - other.first) as usize..=(last - other.first) as usize;
            let sums = self.counts.make_contiguous().iter_mut().skip((first - self.first) as usize);
            sums.zip(other.counts.range(within)).for_each(|(sum, count)| *sum += count);
            return;
        }
        other.buckets().filter(used).for_each(|(index, count)| self.put(index, other.scale, count));
    }

    /// Takes out what is among it. Least and greatest stay, or become the bounds of a bucket where theirs is empty now.
    pub fn subtract(&mut self, other: &Self) {
        while self.scale > other.scale {
            self.downscale();
        }
        self.count = self.count.saturating_sub(other.count);
        self.sum = self.sum.saturating_sub(other.sum);
        self.zero = self.zero.saturating_sub(other.zero);
        for (index, count) in other.buckets() {
            let place = (index >> (other.scale - self.scale).clamp(0, 31)) - self.first;
            let bucket = usize::try_from(place).ok().and_then(|place| self.counts.get_mut(place));
            if let Some(bucket) = bucket {
                *bucket = bucket.saturating_sub(count);
            }
        }
        while self.counts.front() == Some(&0) {
            self.counts.pop_front();
            self.first += 1;
        }
        while self.counts.back() == Some(&0) {
            self.counts.pop_back();
        }
        if self.count == 0 {
            *self = Self::with_buckets(self.most);
            return;
        }
        let (low, high) =
            (bound(self.first, self.scale), bound(self.first + self.counts.len() as i32, self.scale));
        self.max = if self.counts.is_empty() { 0 } else { self.max.min(high as u64) };
        self.min = if self.zero > 0 { 0 } else { self.min.max(low as u64) };
    }

    /// What [`Self::buckets`], [`Self::zeros`] and the others told; `None` where that cannot be.
    pub fn from_parts(
        scale: i8,
        first: i32,
        counts: Vec<u64>,
        zero: u64,
        sum: u128,
        [min, max]: [u64; 2],
    ) -> Option<Self> {
        let counted = counts.iter().try_fold(zero, |sum, count| sum.checked_add(*count))?;
        let last = i64::from(first) + counts.len() as i64;
        let sound = (-8..=SCALE).contains(&scale)
            && (-64 << SCALE..=64 << SCALE).contains(&first)
            && last <= 64 << SCALE
            && min <= max;
        let most = Self::ALL;
        sound.then_some(Self {
            scale,
            most,
            zero,
            first,
            counts: counts.into(),
            count: counted,
            sum,
            min,
            max,
        })
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn sum(&self) -> u128 {
        self.sum
    }

    pub fn scale(&self) -> i8 {
        self.scale
    }

    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    pub fn mean(&self) -> Option<u64> {
        let mean = self.sum.checked_div(u128::from(self.count))?;
        u64::try_from(mean).ok()
    }

    /// The index of each bucket from the first to the last used one, with its count.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (i32, u64)> + DoubleEndedIterator {
        self.counts.iter().enumerate().map(|(at, count)| (self.first + at as i32, *count))
    }

    pub fn zeros(&self) -> u64 {
        self.zero
    }

    /// The bounds of at most so many bars of the same width on a logarithmic scale, one more than bars, and what is in
    /// each; a bar holds what is above its lower bound. Nothing where nothing was counted.
    pub fn bars(&self, most: usize) -> (Vec<u64>, Vec<u64>) {
        let used: Vec<(i32, u64)> = self.buckets().filter(|(_, count)| *count > 0).collect();
        let Some(((first, _), (last, _))) = used.first().zip(used.last()) else {
            return if self.zero > 0 { (vec![0, 0], vec![self.zero]) } else { Default::default() };
        };
        let most = i32::try_from(most.max(1)).unwrap_or(i32::MAX);
        let width = (last - first) / most + 1;
        let bars = (last - first) / width + 1;
        let mut counts = vec![0; bars as usize];
        for (index, count) in &used {
            if let Some(bar) = counts.get_mut(((index - first) / width) as usize) {
                *bar += count;
            }
        }
        if let Some(lowest) = counts.first_mut() {
            *lowest += self.zero;
        }
        let bounds = (0..=bars).map(|bar| bound(first + bar * width, self.scale) as u64);
        (bounds.collect(), counts)
    }

    /// By nearest rank, within the precision of a bucket; nothing where nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = rank(q, self.count)?;
        let mut below = self.zero;
        if rank <= below {
            return Some(0);
        }
        for (index, count) in self.buckets() {
            below += count;
            if rank <= below {
                let (low, high) = (bound(index, self.scale), bound(index + 1, self.scale));
                // As far from either end, relatively.
                let middle = (2.0 * low * high / (low + high)) as u64;
                return Some(middle.clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// How many were not above a value; where it falls within a bucket, in proportion.
    pub fn within(&self, value: u64) -> u64 {
        if value >= self.max {
            return self.count;
        }
        if value == 0 {
            return self.zero;
        }
        let last = index(value, self.scale);
        let below = self.buckets().take_while(|(index, _)| *index <= last).map(|(index, count)| {
            if index < last {
                return count;
            }
            let (low, high) = (bound(index, self.scale), bound(index + 1, self.scale));
            (count as f64 * ((value as f64 - low) / (high - low)).clamp(0.0, 1.0)).round() as u64
        });
        self.zero + below.sum::<u64>()
    }

    /// How many were not above the bucket that a value falls in: never too few.
    pub fn up_to(&self, value: u64) -> u64 {
        let last = (value > 0).then(|| index(value, self.scale));
        let below = self.buckets().filter(|(index, _)| last.is_some_and(|last| *index <= last));
        self.zero + below.map(|(_, count)| count).sum::<u64>()
    }

    /// `index` is that of a bucket at `scale`, which is not below ours.
    fn put(&mut self, index: i32, scale: i8, count: u64) {
        self.reach(index, index, scale);
        let place = (index >> (scale - self.scale).clamp(0, 31)) - self.first;
        if let Some(bucket) = self.counts.get_mut(place as usize) {
            *bucket += count;
        }
    }

    /// Has buckets for indices of a scale, its own or a finer one, from here to there; of a lower scale where there would
    /// be too many.
    fn reach(&mut self, first: i32, last: i32, scale: i8) {
        loop {
            let [first, last] = [first, last].map(|index| index >> (scale - self.scale).clamp(0, 31));
            if self.counts.is_empty() {
                self.first = first;
            }
            let end = (self.first + self.counts.len() as i32).max(last + 1);
            let from = self.first.min(first);
            if (end - from) as usize > self.most {
                self.downscale();
                continue;
            }
            for _ in from..self.first {
                self.counts.push_front(0);
            }
            self.first = from;
            self.counts.resize((end - from) as usize, 0);
            return;
        }
    }

    fn downscale(&mut self) {
        let first = self.first >> 1;
        let mut joined: VecDeque<u64> = VecDeque::with_capacity(self.counts.len() / 2 + 1);
        for (index, count) in self.buckets() {
            match joined.get_mut(((index >> 1) - first) as usize) {
                Some(bucket) => *bucket += count,
                None => joined.push_back(count),
            }
        }
        self.scale -= 1;
        self.first = first;
        self.counts = joined;
    }
}

/// The place of a quantile among so many in order, from 1.
pub(crate) fn rank(q: f64, count: u64) -> Option<u64> {
    let rank = (q.clamp(0.0, 1.0) * count as f64).ceil() as u64;
    (count > 0).then(|| rank.clamp(1, count))
}

fn index(value: u64, scale: i8) -> i32 {
    ((value as f64).log2() * f64::from(scale).exp2()).ceil() as i32 - 1
}

fn bound(index: i32, scale: i8) -> f64 {
    (f64::from(index) * (-f64::from(scale)).exp2()).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    fn exact(values: &[u64], q: f64) -> u64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted[rank(q, sorted.len() as u64).unwrap() as usize - 1]
    }

    fn close(estimate: u64, exact: u64, by: f64) -> bool {
        // One nanosecond is more than a bucket of the smallest numbers.
        (estimate as f64 - exact as f64).abs() <= (exact as f64 * by).max(1.0)
    }

    #[test]
    fn nothing_counted_has_no_quantile() {
        let none = Histogram::default();
        assert_eq!((none.quantile(0.5), none.max(), none.mean(), none.within(5)), (None, None, None, 0));
        assert_eq!(of(&[0, 0, 8]).quantile(0.5), Some(0));
        assert_eq!(of(&[7]).quantile(0.99), Some(7));
    }

    #[test]
    fn a_power_of_two_is_the_upper_bound_of_its_bucket() {
        for (value, index_at_5) in [(1, -1), (2, 31), (4, 63), (1 << 40, 40 * 32 - 1)] {
            assert_eq!(index(value, 5), index_at_5, "{value}");
            assert_eq!(index(value, 0), index_at_5 >> 5, "{value}");
        }
    }

    #[test]
    fn a_range_too_wide_goes_down_in_scale_and_says_so() {
        let wide = of(&[1, 1 << 10, 1 << 11, 1 << 62]);
        assert_eq!(wide.scale(), 2);
        assert!(wide.buckets().count() <= Histogram::MOST);
        assert_eq!(wide.buckets().map(|(_, count)| count).sum::<u64>(), 4);
    }

    proptest! {
        #[test]
        fn quantiles_are_as_exact_as_promised(
            values in vec(1_000_000u64..1_000_000_000, 1..400),
            q in 0.0f64..=1.0,
        ) {
            let histogram = of(&values);
            prop_assert_eq!(histogram.scale(), 5);
            let estimate = histogram.quantile(q).unwrap();
            prop_assert!(close(estimate, exact(&values, q), 0.011), "{estimate} {}", exact(&values, q));
        }

        #[test]
        fn bars_hold_everything_between_their_bounds(values in vec(0u64..1_000_000_000, 0..200), most in 1usize..30) {
            let (bounds, counts) = of(&values).bars(most);
            prop_assert_eq!(counts.iter().sum::<u64>(), values.len() as u64);
            prop_assert!(counts.len() <= most && (bounds.len() == counts.len() + 1 || values.is_empty()));
            prop_assert!(bounds.is_sorted());
            let highest = values.iter().max().copied().unwrap_or(0);
            prop_assert!(bounds.last().is_none_or(|last| *last + 1 >= highest));
        }

        #[test]
        fn a_precise_one_keeps_its_scale_for_all_numbers(values in vec(any::<u64>(), 1..200), q in 0.0f64..=1.0) {
            let mut histogram = Histogram::precise();
            values.iter().for_each(|value| histogram.record(*value));
            prop_assert_eq!(histogram.scale(), 5);
            prop_assert!(close(histogram.quantile(q).unwrap(), exact(&values, q), 0.011));
        }

        #[test]
        fn the_order_of_merging_does_not_matter(
            values in vec(any::<u64>(), 1..100), at in any::<prop::sample::Index>(), q in 0.0f64..=1.0,
        ) {
            let (left, right) = values.split_at(at.index(values.len()));
            let (mut one, mut two) = (of(left), of(right));
            one.merge(&of(right));
            two.merge(&of(left));
            prop_assert_eq!(&one, &two);
            prop_assert_eq!(one.quantile(q), of(&values).quantile(q));
            prop_assert_eq!(one.sum(), values.iter().map(|value| u128::from(*value)).sum::<u128>());
        }

        #[test]
        fn what_is_taken_out_is_as_if_it_had_never_been_there(
            values in vec(any::<u64>(), 0..100), at in any::<prop::sample::Index>(), q in 0.0f64..=1.0,
        ) {
            let (stays, goes) = values.split_at(at.index(values.len() + 1));
            let mut left = of(&values);
            left.subtract(&of(goes));
            let by_hand = of(stays);
            prop_assert_eq!((left.count(), left.sum()), (by_hand.count(), by_hand.sum()));
            let counts = |of: &Histogram| of.buckets().filter(|(_, count)| *count > 0).map(|(_, count)| count).sum::<u64>();
            prop_assert_eq!(counts(&left), counts(&by_hand));
            let width = 2f64.powf(1.0 / f64::from(left.scale()).exp2());
            for (told, exact) in [
                (left.quantile(q), by_hand.quantile(q)), (left.max(), by_hand.max()), (left.min(), by_hand.min()),
            ] {
                prop_assert_eq!(told.is_some(), exact.is_some());
                let (told, exact) = (told.unwrap_or(1) as f64, exact.unwrap_or(1) as f64);
                prop_assert!(told <= exact * width + 1.0 && told >= exact / width - 1.0, "{told} {exact}");
            }
        }

        #[test]
        fn its_parts_make_it_again(values in vec(any::<u64>(), 1..100)) {
            let mut whole = Histogram::precise();
            values.iter().for_each(|value| whole.record(*value));
            let (first, counts) = (whole.first, whole.buckets().map(|(_, count)| count).collect());
            let bounds = [whole.min().unwrap(), whole.max().unwrap()];
            let again = Histogram::from_parts(whole.scale(), first, counts, whole.zeros(), whole.sum(), bounds);
            prop_assert_eq!(again, Some(whole));
        }

        #[test]
        fn what_is_within_is_between_the_counts_of_the_bucket(values in vec(1u64..10_000_000, 1..200), at in 1u64..10_000_000) {
            let within = of(&values).within(at);
            let up_to = of(&values).up_to(at);
            let count = |bound: f64| values.iter().filter(|value| **value as f64 <= bound).count() as u64;
            let width = 2f64.powf(1.0 / f64::from(of(&values).scale()).exp2());
            prop_assert!(count(at as f64) <= up_to && up_to <= count(at as f64 * width + 1.0));
            prop_assert!(count(at as f64 / width - 1.0) <= within && within <= count(at as f64 * width + 1.0));
        }
    }
}
