//! Numbers of groups, in the order in which they come.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};

/// Of groups by some columns: a group by one more column is a group by those before it, and a text.
pub(super) struct Numbers {
    first: Texts,
    others: Vec<(Texts, Pairs)>,
}

impl Numbers {
    pub(super) fn new(columns: usize) -> Self {
        let others = (1..columns).map(|_| (Texts::default(), Pairs::default())).collect();
        Self { first: Texts::default(), others }
    }

    pub(super) fn len(&self) -> usize {
        self.others.last().map_or(self.first.texts.len(), |(_, pairs)| pairs.all.len())
    }

    /// The group of each row.
    pub(super) fn add(&mut self, columns: &[&StringViewArray], groups: &mut Vec<usize>) {
        groups.clear();
        let mut columns = columns.iter();
        if let Some(column) = columns.next() {
            let rows = self.first.begin(column);
            groups.extend(rows.map(|(row, view)| self.first.number(column, row, view) as usize));
        }
        for (column, (texts, pairs)) in columns.zip(&mut self.others) {
            let rows = texts.begin(column);
            for (group, (row, view)) in groups.iter_mut().zip(rows) {
                let text = texts.number(column, row, view);
                *group = pairs.number(*group as u64, text) as usize;
            }
        }
    }

    /// The columns of all groups.
    pub(super) fn columns(&self) -> Vec<ArrayRef> {
        let mut groups: Vec<usize> = (0..self.len()).collect();
        let mut columns = Vec::with_capacity(1 + self.others.len());
        for (texts, pairs) in self.others.iter().rev() {
            let pair = |group: &usize| pairs.all.get(*group).copied().unwrap_or_default();
            columns.push(texts.column(groups.iter().map(|group| pair(group) as u32 as usize)));
            groups.iter_mut().for_each(|group| *group = (pair(group) >> 32) as usize);
        }
        columns.push(self.first.column(groups.into_iter()));
        columns.reverse();
        columns
    }

    pub(super) fn size(&self) -> usize {
        let pairs: usize = self.others.iter().map(|(_, pairs)| pairs.all.capacity() * 32).sum();
        let texts = self.others.iter().map(|(texts, _)| texts).chain([&self.first]);
        pairs + texts.map(|texts| texts.bytes + texts.texts.capacity() * 64).sum::<usize>()
    }
}

/// No view has the length that this begins with.
const NULL: u128 = u128::MAX;

/// The texts of a column.
#[derive(Default)]
struct Texts {
    near: Near<u128>,
    known: HashMap<Arc<str>, u32>,
    null: Option<u32>,
    texts: Vec<Option<Arc<str>>>,
    bytes: usize,
}

impl Texts {
    /// The rows of a batch, with their views. Those of long texts mean something in this batch only.
    fn begin<'a>(&mut self, column: &'a StringViewArray) -> impl Iterator<Item = (usize, u128)> + use<'a> {
        if !column.data_buffers().is_empty() {
            self.near = Near::default();
        }
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
        let or_null = move |(row, view): (usize, &u128)| match nulls {
            Some(nulls) if nulls.is_null(row) => (row, NULL),
            _ => (row, *view),
        };
        column.views().iter().enumerate().map(or_null)
    }

    #[inline]
    fn number(&mut self, column: &StringViewArray, row: usize, view: u128) -> u32 {
        let Self { near, known, null, texts, bytes } = self;
        // What lies together in views differs in their halves.
        let place = (view as u64) ^ (view >> 64) as u64;
        near.number(view, place, || {
            let next = texts.len() as u32;
            if view == NULL {
                return *null.get_or_insert_with(|| {
                    texts.push(None);
                    next
                });
            }
            let text = column.value(row);
            if let Some(number) = known.get(text) {
                return *number;
            }
            let text: Arc<str> = text.into();
            *bytes += text.len();
            texts.push(Some(Arc::clone(&text)));
            known.insert(text, next);
            next
        })
    }

    fn column(&self, numbers: impl Iterator<Item = usize>) -> ArrayRef {
        let text = |number: usize| self.texts.get(number).and_then(Option::as_deref);
        Arc::new(numbers.map(text).collect::<StringViewArray>())
    }
}

/// Pairs of numbers, one in the upper half.
#[derive(Default)]
struct Pairs {
    near: Near<u64>,
    known: HashMap<u64, u32>,
    all: Vec<u64>,
}

impl Pairs {
    #[inline]
    fn number(&mut self, group: u64, text: u32) -> u32 {
        let Self { near, known, all } = self;
        let pair = (group << 32) | u64::from(text);
        near.number(pair, pair, || {
            *known.entry(pair).or_insert_with(|| {
                all.push(pair);
                all.len() as u32 - 1
            })
        })
    }
}

/// Numbers that were looked up before, of which a later one takes the place of an earlier one.
struct Near<K>(Box<[Option<(K, u32)>; NEAR]>);

const NEAR: usize = 1 << 11;

impl<K: Copy + Eq> Default for Near<K> {
    fn default() -> Self {
        Self(Box::new([None; NEAR]))
    }
}

impl<K: Copy + Eq> Near<K> {
    #[inline]
    fn number(&mut self, key: K, place: u64, find: impl FnOnce() -> u32) -> u32 {
        let place = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - NEAR.ilog2());
        match self.0.get_mut(place as usize) {
            Some(Some((known, number))) if *known == key => *number,
            slot => {
                let number = find();
                if let Some(slot) = slot {
                    *slot = Some((key, number));
                }
                number
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            Just(None),
            "[ab]{0,2}".prop_map(Some),
            "[a-z]{11,14}".prop_map(Some),
            (0..4u8).prop_map(|n| Some(format!("a text that is longer than a view {n}"))),
        ]
    }

    proptest! {
        #[test]
        fn each_group_has_its_number(
            batches in prop::collection::vec(prop::collection::vec([texts(), texts(), texts()], 0..40), 0..5),
            wide in 1usize..=3,
        ) {
            let mut numbers = Numbers::new(wide);
            let (mut expected, mut told) = (Vec::new(), Vec::new());
            for batch in batches {
                let column = |at: usize| batch.iter().map(|row| row[at].as_deref()).collect::<StringViewArray>();
                let columns: Vec<_> = (0..wide).map(column).collect();
                let mut groups = Vec::new();
                numbers.add(&columns.iter().collect::<Vec<_>>(), &mut groups);
                told.extend(groups);
                expected.extend(batch.iter().map(|row| row[..wide].to_vec()));
            }
            let columns = numbers.columns();
            let all: Vec<Vec<Option<String>>> = (0..numbers.len())
                .map(|group| {
                    let text = |column: &ArrayRef| {
                        let column = column.as_any().downcast_ref::<StringViewArray>().unwrap();
                        column.is_valid(group).then(|| column.value(group).to_owned())
                    };
                    columns.iter().map(text).collect()
                })
                .collect();
            let told: Vec<_> = told.into_iter().map(|group| all[group].clone()).collect();
            prop_assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            prop_assert_eq!(all.len(), expected.iter().collect::<HashSet<_>>().len());
            prop_assert_eq!(told, expected);
        }
    }
}
