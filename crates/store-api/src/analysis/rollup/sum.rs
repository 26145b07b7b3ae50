//! Rows added up, and some of them taken out again.

use std::collections::{HashMap, HashSet};

use super::{Row, Series, Texts, in_order};

/// What rows amount to, in steps that are as wide as theirs or wider.
pub struct Sum {
    step_ns: u64,
    rows: HashMap<(u64, Series), Row>,
}

impl Sum {
    pub fn new(step_ns: u64) -> Self {
        Self { step_ns: step_ns.max(1), rows: HashMap::new() }
    }

    pub fn add(&mut self, row: &Row) {
        let t = row.t - row.t % self.step_ns;
        let sum = self.rows.entry((t, row.series.clone()));
        let sum = sum.or_insert_with_key(|(t, series)| Row::empty(*t, series));
        sum.first_ns = sum.first_ns.min(row.first_ns);
        sum.histogram.merge(&row.histogram);
        sum.exemplify(&row.exemplars);
    }

    /// Takes out what was added, or is part of it; called when all is added, so that what stays keeps its least and its
    /// greatest. Where its names were not told it is taken from those without.
    pub fn subtract(&mut self, row: &Row) {
        let t = row.t - row.t % self.step_ns;
        let mut key = (t, row.series.clone());
        if !self.rows.contains_key(&key) {
            key.1 = key.1.nameless();
        }
        let Some(sum) = self.rows.get_mut(&key) else { return };
        sum.histogram.subtract(&row.histogram);
        for gone in &row.exemplars {
            if let Some(at) = sum.exemplars.iter().position(|one| one == gone) {
                sum.exemplars.remove(at);
            }
        }
    }

    /// In the order of time and series. Of more series than `most` the smallest lose their names.
    pub fn rows(mut self, most: usize) -> Vec<Row> {
        self.rows.retain(|_, row| row.histogram.count() > 0);
        let mut counts: HashMap<&Series, u64> = HashMap::new();
        for row in self.rows.values() {
            *counts.entry(&row.series).or_default() += row.histogram.count();
        }
        if counts.len() <= most {
            return in_order(self.rows);
        }
        let mut largest: Vec<(u64, &Series)> = counts.into_iter().map(|(series, n)| (n, series)).collect();
        largest.sort_unstable_by(|(n, one), (m, two)| m.cmp(n).then_with(|| one.cmp(two)));
        let kept: HashSet<&Series> = largest.iter().take(most).map(|(_, series)| *series).collect();
        let (mut folded, mut texts) = (Self::new(self.step_ns), Texts::default());
        for row in self.rows.values() {
            if kept.contains(&row.series) {
                folded.add(row);
            } else {
                folded.add(&Row { series: row.series.clone().folded(&mut texts), ..row.clone() });
            }
        }
        in_order(folded.rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::histogram::Histogram;
    use crate::analysis::rollup::OTHER;

    fn row(t: u64, region: &str, durations: &[u64]) -> Row {
        let mut histogram = Histogram::precise();
        durations.iter().for_each(|ns| histogram.record(*ns));
        let series = Series { region: Some(region.into()), ..Series::default() };
        Row { t, first_ns: t + 1, series, histogram, exemplars: Vec::new() }
    }

    fn told(rows: &[Row]) -> Vec<(u64, String, u64)> {
        let region = |row: &Row| row.series.region.as_deref().unwrap_or_default().to_owned();
        rows.iter().map(|row| (row.t, region(row), row.histogram.count())).collect()
    }

    proptest! {
        #[test]
        fn what_is_added_and_taken_out_was_never_there(
            stay in prop::collection::vec((0u64..40, 0u8..3, 1u64..1_000_000), 0..20),
            go in prop::collection::vec((0u64..40, 0u8..3, 1u64..1_000_000), 0..20),
        ) {
            let rows = |of: &[(u64, u8, u64)]| -> Vec<Row> {
                of.iter().map(|(t, region, ns)| row(*t, &region.to_string(), &[*ns])).collect()
            };
            let (mut sum, mut by_hand) = (Sum::new(10), Sum::new(10));
            rows(&stay).iter().for_each(|row| by_hand.add(row));
            rows(&stay).iter().chain(&rows(&go)).for_each(|row| sum.add(row));
            rows(&go).iter().for_each(|row| sum.subtract(row));
            prop_assert_eq!(told(&sum.rows(99)), told(&by_hand.rows(99)));
        }
    }

    #[test]
    fn the_largest_series_keep_their_names() {
        let mut sum = Sum::new(10);
        for (t, region, durations) in
            [(0, "a", [5, 5].as_slice()), (3, "b", &[5]), (12, "c", &[5]), (13, "b", &[5, 6])]
        {
            sum.add(&row(t, region, durations));
        }
        // Of a region that was folded before.
        sum.add(&row(20, OTHER, &[7, 8]));
        sum.subtract(&row(21, "gone", &[7]));
        let of = |t, region: &str, n| (t, region.to_owned(), n);
        let expected = [of(0, OTHER, 2), of(0, "b", 1), of(10, OTHER, 1), of(10, "b", 2), of(20, OTHER, 1)];
        assert_eq!(told(&sum.rows(1)), expected);
    }
}
