//! A set of ids that stand close together.

use std::ops::Range;

/// One bit for each id from the first one on.
#[derive(Clone, Default, Debug)]
pub(in crate::journal) struct IdSet {
    first: u64,
    words: Vec<u64>,
    len: u64,
}

impl IdSet {
    pub(in crate::journal) fn new(first: u64) -> Self {
        Self { first, words: Vec::new(), len: 0 }
    }

    pub(in crate::journal) fn len(&self) -> u64 {
        self.len
    }

    pub(in crate::journal) fn contains(&self, id: u64) -> bool {
        let Some((word, bit)) = self.place(id) else { return false };
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it was not in there before.
    pub(in crate::journal) fn insert(&mut self, id: u64) -> bool {
        let Some((at, bit)) = self.place(id) else { return false };
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        let Some(word) = self.words.get_mut(at) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        self.len += u64::from(new);
        new
    }

    /// The first id that is not in there.
    pub(in crate::journal) fn first_gap(&self) -> u64 {
        let full = self.words.iter().take_while(|word| **word == u64::MAX).count();
        let ones = self.words.get(full).map_or(0, |word| word.trailing_ones());
        self.first + full as u64 * 64 + u64::from(ones)
    }

    pub(in crate::journal) fn ranges(&self) -> Vec<Range<u64>> {
        ranges(self.words.iter().zip(0..).flat_map(|(word, at)| {
            let start = self.first + at * 64;
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| start + bit)
        }))
    }

    fn place(&self, id: u64) -> Option<(usize, u64)> {
        let nth = id.checked_sub(self.first)?;
        Some((usize::try_from(nth / 64).ok()?, 1 << (nth % 64)))
    }
}

/// Ids in ascending order as ranges.
pub(in crate::journal) fn ranges(ids: impl IntoIterator<Item = u64>) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some(last) if last.end == id => last.end += 1,
            _ => ranges.push(id..id + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(ids in proptest::collection::vec(100_u64..400, 0..300)) {
            let mut set = IdSet::new(100);
            let mut model = BTreeSet::new();
            for id in ids {
                prop_assert_eq!(set.insert(id), model.insert(id));
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert!((0..500).all(|id| set.contains(id) == model.contains(&id)));
            prop_assert_eq!(set.first_gap(), (100..).find(|id| !model.contains(id)).unwrap());
            let ranges = set.ranges();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(ranges.into_iter().flatten().collect::<BTreeSet<_>>(), model);
        }
    }
}
