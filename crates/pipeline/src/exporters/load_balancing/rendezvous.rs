//! Rendezvous hashing: of all backends, a key belongs to the one with the highest score for it.
//!
//! When a backend goes, its keys alone move, and evenly to the others; when one comes, it takes its share from all and
//! nothing else moves. Scores depend on the key and the backend's endpoint alone and stay the same in every process and
//! version, so that balancers side by side agree without a word.

use crate::fnv::Fnv;

/// Of bytes, spread over all 64 bits.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    finish(Fnv::of(bytes))
}

/// Of what was added piece by piece.
pub(super) fn finish(hash: Fnv) -> u64 {
    mixed(hash.get())
}

/// Which of the backends, by the hashes of their endpoints, a key belongs to. 0 where there is none.
pub(super) fn choose(backends: &[u64], key: u64) -> usize {
    let scored = backends.iter().enumerate().map(|(nth, backend)| (mixed(backend ^ key), *backend, nth));
    scored.max().map_or(0, |(_, _, nth)| nth)
}

/// MurmurHash3's 64-bit finaliser.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn backends(count: usize) -> Vec<u64> {
        (0..count).map(|nth| hash(format!("10.0.{}.{}:4317", nth / 250, nth % 250).as_bytes())).collect()
    }

    fn keys(seed: u64, count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |nth| {
            let id = (u128::from(seed) << 64 | u128::from(nth)).to_be_bytes();
            hash(&id)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Whether trace ids are random or count up: within 15 % of the even share at 20 000 traces.
        #[test]
        fn shares_are_even(count in 2_usize..12, seed: u64) {
            let backends = backends(count);
            let mut shares = vec![0_u64; count];
            keys(seed, 20_000).for_each(|key| shares[choose(&backends, key)] += 1);
            let even = 20_000.0 / count as f64;
            for share in &shares {
                prop_assert!((*share as f64 - even).abs() < 0.15 * even + 60.0, "{:?}", shares);
            }
        }

        /// Whatever stays in the list keeps its keys, except those that a newcomer takes.
        #[test]
        fn nothing_else_moves(kept in 1_usize..12, gone in 0_usize..4, new in 0_usize..4, seed: u64) {
            let all = backends(kept + gone + new);
            let before: Vec<_> = all.iter().take(kept + gone).copied().collect();
            let mut after: Vec<_> = all.iter().take(kept).chain(all.iter().skip(kept + gone)).copied().collect();
            after.reverse();
            for key in keys(seed, 500) {
                let (was, is) = (before[choose(&before, key)], after[choose(&after, key)]);
                let was_removed = !after.contains(&was);
                let is_new = !before.contains(&is);
                prop_assert!(was == is || was_removed || is_new);
            }
        }
    }

    /// Other balancers have decided by these numbers.
    #[test]
    fn the_choice_is_the_same_in_every_version() {
        let backends = backends(5);
        let chosen: Vec<_> = keys(7, 16).map(|key| choose(&backends, key)).collect();
        expect_test::expect!["[1, 4, 4, 1, 3, 0, 3, 0, 0, 4, 3, 3, 0, 4, 2, 4]"]
            .assert_eq(&format!("{chosen:?}"));
    }
}
