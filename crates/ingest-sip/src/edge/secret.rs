//! Marks that only this edge can make: in branches, routes and tags. So it knows its own again without remembering them.

use std::fmt;
use std::hash::Hasher;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use siphasher::sip::SipHasher24;

/// The key of all marks. With the same secret, a restarted edge and others beside it know each other's marks.
///
/// A mark is SipHash-2-4: as hard to forge as its 64 bits allow, and a tenth of the time of HMAC-SHA-256 cut to as many.
pub struct Secret(SipHasher24);

/// What a mark is made for; one kind is never taken for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Finds a request that comes again with the same destination.
    Loop,
    /// Names a transaction downstream.
    Branch,
    /// Proves that a response answers what went out here.
    Via,
    /// Proves that a Route leads along a call that was let in here.
    Route,
    /// Of To, in answers of the edge.
    Tag,
    /// Chooses among next hops.
    Choice,
    /// Proves that a Route leads to a phone that registered through here.
    Path,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Mark(pub(super) u64);

impl Secret {
    pub fn new(text: &str) -> Self {
        let digest = digest(&SHA256, text.as_bytes());
        Self::of(digest.as_ref().first_chunk().unwrap_or(&[0; 16]))
    }

    /// For this process alone.
    pub fn random() -> Result<Self, &'static str> {
        let mut key = [0; 16];
        SystemRandom::new().fill(&mut key).map_err(|_| "the system gives no random numbers")?;
        Ok(Self::of(&key))
    }

    fn of(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub(super) fn mark<'a>(&self, purpose: Purpose, parts: impl IntoIterator<Item = &'a [u8]>) -> Mark {
        let mut hasher = self.0;
        hasher.write_u8(purpose as u8);
        for part in parts {
            hasher.write_u64(part.len() as u64);
            hasher.write(part);
        }
        Mark(hasher.finish())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Mark {
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok().filter(|text| text.len() == 16 && !text.starts_with('+'))?;
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_purposes_are_kept_apart() {
        let secret = Secret::new("a");
        let mark = |purpose, parts: &[&[u8]]| secret.mark(purpose, parts.iter().copied());
        assert_eq!(mark(Purpose::Via, &[b"ab", b"c"]), mark(Purpose::Via, &[b"ab", b"c"]));
        assert_ne!(mark(Purpose::Via, &[b"ab", b"c"]), mark(Purpose::Via, &[b"a", b"bc"]));
        assert_ne!(mark(Purpose::Via, &[b"ab"]), mark(Purpose::Route, &[b"ab"]));
        assert_ne!(mark(Purpose::Via, &[b"ab"]), Secret::new("b").mark(Purpose::Via, [&b"ab"[..]]));
        assert_eq!(format!("{secret:?}"), "[hidden]");
    }

    #[test]
    fn what_is_written_is_read() {
        for mark in [Mark(0), Mark(u64::MAX), Mark(0x0123_4567_89ab_cdef)] {
            assert_eq!(Mark::read(mark.to_string().as_bytes()), Some(mark));
        }
        for text in ["", "1", "+123456789abcdef", "0123456789abcdeg", "00123456789abcdef"] {
            assert_eq!(Mark::read(text.as_bytes()), None, "{text}");
        }
    }
}
