//! A split-block Bloom filter: eight bits of one block of 32 bytes for each hash, so that a look at one hash is a look at
//! one block, wherever that lies.

pub(super) const BLOCK: usize = 32;

/// From the specification of Parquet's.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

#[derive(Default)]
pub(super) struct Filter {
    blocks: Vec<[u32; 8]>,
}

impl Filter {
    /// Of hashes that differ. Beyond `most` bytes it says more often that something may be there.
    pub(super) fn of(hashes: &[u64], bits: usize, most: usize) -> Self {
        let bytes = (hashes.len() * bits).div_ceil(8).min(most.max(BLOCK));
        let mut filter = Self { blocks: vec![[0; 8]; bytes.div_ceil(BLOCK)] };
        let count = filter.count();
        for hash in hashes {
            let place = usize::try_from(place(*hash, count)).unwrap_or(usize::MAX);
            if let Some(block) = filter.blocks.get_mut(place) {
                block.iter_mut().zip(mask(*hash)).for_each(|(word, bit)| *word |= bit);
            }
        }
        filter
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes())
    }
}

/// Which of so many blocks a hash is in.
pub(super) fn place(hash: u64, blocks: u32) -> u32 {
    u32::try_from(((hash >> 32) * u64::from(blocks)) >> 32).unwrap_or(u32::MAX)
}

/// False where the hash was never put into the filter of this block.
pub(super) fn may_hold(block: &[u8], hash: u64) -> bool {
    let words = block.chunks_exact(4).filter_map(|word| Some(u32::from_le_bytes(word.try_into().ok()?)));
    words.zip(mask(hash)).all(|(word, bit)| word & bit != 0)
}

fn mask(hash: u64) -> [u32; 8] {
    let low = hash as u32;
    SALT.map(|salt| 1 << (low.wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(filter: &Filter, hash: u64) -> bool {
        let bytes: Vec<u8> = filter.bytes().collect();
        let at = place(hash, filter.count()) as usize * BLOCK;
        bytes.get(at..at + BLOCK).is_some_and(|block| may_hold(block, hash))
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_found(hashes in prop::collection::vec(any::<u64>(), 1..300), most in 0..4096_usize) {
            let filter = Filter::of(&hashes, 12, most);
            prop_assert!(hashes.iter().all(|hash| holds(&filter, *hash)));
        }
    }

    #[test]
    fn little_else_is_found() {
        let hash = |n: u64| {
            n.wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let hashes: Vec<u64> = (0..10_000).map(hash).collect();
        for (bits, most) in [(12, 150), (16, 40)] {
            let filter = Filter::of(&hashes, bits, usize::MAX);
            let wrong = (10_000..20_000).filter(|n| holds(&filter, hash(*n))).count();
            assert!(wrong < most, "{wrong} of 10 000 with {bits} bits");
        }
        assert!(!holds(&Filter::of(&[], 12, usize::MAX), 1));
    }
}
