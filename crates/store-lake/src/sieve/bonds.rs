//! Which files may have a trace in common.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Both files of each pair know the other one.
#[derive(Default)]
pub(crate) struct Bonds(Mutex<HashMap<u64, BTreeSet<u64>>>);

impl Bonds {
    pub(super) fn tie(&self, one: u64, others: &[u64]) {
        let mut bonds = self.bonds();
        for other in others {
            bonds.entry(one).or_default().insert(*other);
            bonds.entry(*other).or_default().insert(one);
        }
    }

    /// It turned out that these have none in common.
    pub(crate) fn untie(&self, one: u64, other: u64) {
        let mut bonds = self.bonds();
        for (of, with) in [(one, other), (other, one)] {
            if let Some(known) = bonds.get_mut(&of) {
                known.remove(&with);
            }
        }
    }

    /// May name too many, never too few.
    pub(crate) fn of(&self, generation: u64) -> Vec<u64> {
        self.bonds().get(&generation).into_iter().flatten().copied().collect()
    }

    pub(super) fn forget(&self, generations: &[u64]) {
        let mut bonds = self.bonds();
        for gone in generations {
            for other in bonds.remove(gone).into_iter().flatten() {
                if let Some(known) = bonds.get_mut(&other) {
                    known.remove(gone);
                }
            }
        }
    }

    fn bonds(&self) -> MutexGuard<'_, HashMap<u64, BTreeSet<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        bonds.forget(&[4]);
        assert_eq!((bonds.of(3), bonds.of(2), bonds.of(4)), (vec![1], vec![], vec![]));
    }
}
