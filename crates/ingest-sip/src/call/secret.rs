//! What nobody outside can guess: ids, tokens and pseudonyms, made from a key and from what they are about. The same
//! question has the same answer, so that a request that comes again leaves with the same bytes, and nothing about it has
//! to be remembered.

use std::fmt;
use std::hash::Hasher;

use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use siphasher::sip128::{Hasher128, SipHasher24};
use throughline_context::{SpanId, TraceId};

/// A key.
#[derive(Clone)]
pub struct Secret {
    /// Makes ids and tokens, some ten for a call.
    ids: SipHasher24,
    pseudonyms: hmac::Key,
}

impl Secret {
    /// A new one; nothing where the operating system has no random bytes.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self::new(&bytes))
    }

    /// A configured one: pseudonyms stay the same after a restart, and on other machines.
    pub fn new(bytes: &[u8]) -> Self {
        let digest = digest(&SHA256, bytes);
        let key = digest.as_ref().first_chunk().unwrap_or(&[0; 16]);
        Self { ids: SipHasher24::new_with_key(key), pseudonyms: hmac::Key::new(HMAC_SHA256, bytes) }
    }

    pub(crate) fn trace_id(&self, call: &[u8]) -> TraceId {
        let id = TraceId(self.derive("trace", &[call]));
        if id.is_valid() { id } else { TraceId([1; 16]) }
    }

    /// The id of a span of this call.
    pub(crate) fn span_id(&self, call: &[u8], name: &str, ordinal: u64) -> SpanId {
        let id = SpanId(self.derive(name, &[b"span", call, &ordinal.to_be_bytes()]));
        if id.is_valid() { id } else { SpanId([1; 8]) }
    }

    /// At most 16 bytes that depend on all parts.
    pub(crate) fn derive<const N: usize>(&self, purpose: &str, parts: &[&[u8]]) -> [u8; N] {
        let mut hasher = self.ids;
        for part in [purpose.as_bytes()].iter().chain(parts) {
            hasher.write_u64(part.len() as u64);
            hasher.write(part);
        }
        first(&hasher.finish128().as_bytes())
    }

    /// The same for the same number, here and wherever the key is known.
    pub(crate) fn pseudonym(&self, number: &[u8]) -> [u8; 8] {
        first(hmac::sign(&self.pseudonyms, number).as_ref())
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // A String takes everything.
        _ = write!(text, "{byte:02x}");
        text
    })
}
