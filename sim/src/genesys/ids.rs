//! Ids that repeat: those of the organisation from a name, those of a conversation from its seed.

use crate::chance::Chance;

/// A UUID of version 4.
pub(super) fn uuid(chance: &mut Chance) -> String {
    let (high, low) = (chance.next(), chance.next());
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// The id of what the organisation calls by name: the same in every run, whatever the seed.
pub(super) fn named(kind: &str, name: &str) -> String {
    uuid(&mut Chance::new(hash(kind) ^ hash(name).rotate_left(17)))
}

/// FNV-1a.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
