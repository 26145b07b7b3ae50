//! One file of a log: a header, then records.

mod scan;
mod set;

pub(super) use scan::Scan;
pub(super) use set::{IdSet, ranges};

use std::hash::{BuildHasher, RandomState};

/// Records begin here, on a block of their own, so that a torn header harms no record.
pub(super) const DATA: u64 = 4096;
const MAGIC: &[u8; 8] = b"TLJRNL01";
const HEADER: usize = 52;

/// What a segment says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Its place in the order of segments; files are used again, places are not.
    pub(super) place: u64,
    /// Drawn anew for each use of the file, so that nothing that a client sends looks like a record, and nothing of an
    /// earlier use.
    pub(super) salt: u64,
    /// The id of the first entry.
    pub(super) first: u64,
    /// The segment that was filled before, and where its records end. All of them are safely on the disk.
    pub(super) previous: u64,
    pub(super) previous_end: u64,
}

impl Header {
    pub(super) const LEN: usize = HEADER;

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [self.place, self.salt, self.first, self.previous, self.previous_end] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Nothing where the file is not in use.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sealed, crc) = bytes.get(..HEADER)?.split_last_chunk::<4>()?;
        let numbers = sealed.strip_prefix(MAGIC.as_slice())?;
        if crc32fast::hash(sealed) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        Some(Self {
            place: numbers.next()?,
            salt: numbers.next()?,
            first: numbers.next()?,
            previous: numbers.next()?,
            previous_end: numbers.next()?,
        })
    }
}

/// A number that nobody outside of this process can foresee.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_or_not_at_all() {
        let header = Header { place: 9, salt: random(), first: 1 << 40, previous: 8, previous_end: 70_000 };
        let bytes = header.encode();
        assert_eq!((Header::decode(&bytes), bytes.len()), (Some(header), Header::LEN));
        for bit in 0..HEADER * 8 {
            let mut harmed = bytes.clone();
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&harmed), None, "bit {bit}");
        }
        assert_eq!(Header::decode(&bytes[..HEADER - 1]), None);
    }
}
