//! Which attributes are to be read.

use crate::wire::WireType;

/// A set of attribute keys.
#[derive(Debug, Default)]
pub struct Keys {
    all: bool,
    /// Bit `n` is set for a key of `n` bytes, the last one for all longer keys too.
    lengths: u64,
    list: Vec<Box<[u8]>>,
}

impl Keys {
    pub fn all() -> Self {
        Self { all: true, lengths: u64::MAX, ..Self::default() }
    }

    pub fn of<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        let list: Vec<Box<[u8]>> = keys.into_iter().map(|key| key.as_bytes().into()).collect();
        Self { all: false, lengths: list.iter().fold(0, |bits, key| bits | length_bit(key.len())), list }
    }

    #[inline]
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.all
            || (self.lengths & length_bit(key.len()) != 0 && self.list.iter().any(|known| **known == *key))
    }

    /// The length of the `KeyValue` field that the bytes begin with, where the length of its key alone tells that it
    /// is none of these. It is enough to know the fields that everybody sends: the key first, and short.
    #[inline]
    pub(super) fn passes(&self, number: u32, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [tag, len @ 0..=0x7f, 0x0a, key @ 0..=0x7f, ..]
                if u32::from(*tag) == number << 3 | WireType::Len as u32
                    && self.lengths & length_bit(usize::from(*key)) == 0 =>
            {
                Some(2 + usize::from(*len))
            }
            _ => None,
        }
    }
}

#[inline]
fn length_bit(len: usize) -> u64 {
    1 << len.min(63)
}
