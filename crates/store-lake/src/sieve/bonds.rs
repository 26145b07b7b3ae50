//! Which files may have a trace in common.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Both files of each pair know the other one.
#[derive(Default)]
pub(crate) struct Bonds(Mutex<Known>);

#[derive(Default)]
struct Known {
    bound: Pairs,
    /// That looked as if they were bound.
    apart: Pairs,
}

type Pairs = HashMap<u64, BTreeSet<u64>>;

impl Bonds {
    pub(super) fn tie(&self, one: u64, others: &[u64]) {
        let mut known = self.known();
        others.iter().for_each(|other| tie(&mut known.bound, one, *other));
    }

    /// It turned out that these have none in common.
    pub(crate) fn untie(&self, one: u64, other: u64) {
        let mut known = self.known();
        for (of, with) in [(one, other), (other, one)] {
            if let Some(bound) = known.bound.get_mut(&of) {
                bound.remove(&with);
            }
        }
        tie(&mut known.apart, one, other);
    }

    /// May name too many, never too few.
    pub(crate) fn of(&self, generation: u64) -> Vec<u64> {
        self.known().bound.get(&generation).into_iter().flatten().copied().collect()
    }

    /// Those that were untied.
    pub(crate) fn apart(&self, generation: u64) -> Vec<u64> {
        self.known().apart.get(&generation).into_iter().flatten().copied().collect()
    }

    pub(super) fn forget(&self, generations: &[u64]) {
        let known = &mut *self.known();
        for pairs in [&mut known.bound, &mut known.apart] {
            for gone in generations {
                for other in pairs.remove(gone).into_iter().flatten() {
                    if let Some(with) = pairs.get_mut(&other) {
                        with.remove(gone);
                    }
                }
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tie(pairs: &mut Pairs, one: u64, other: u64) {
    pairs.entry(one).or_default().insert(other);
    pairs.entry(other).or_default().insert(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_bond_know_it() {
        let bonds = Bonds::default();
        bonds.tie(3, &[1, 2]);
        bonds.tie(4, &[3]);
        assert_eq!((bonds.of(3), bonds.of(1), bonds.of(9)), (vec![1, 2, 4], vec![3], vec![]));
        bonds.untie(2, 3);
        assert_eq!((bonds.apart(2), bonds.apart(3), bonds.apart(1)), (vec![3], vec![2], vec![]));
        bonds.forget(&[4, 2]);
        assert_eq!((bonds.of(3), bonds.of(2), bonds.of(4)), (vec![1], vec![], vec![]));
        assert_eq!((bonds.apart(2), bonds.apart(3)), (vec![], vec![]));
    }
}
