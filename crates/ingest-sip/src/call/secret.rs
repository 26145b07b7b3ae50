//! What nobody outside can guess: ids, tokens and pseudonyms, made from a key and from what they are about. The same
//! question has the same answer, so that a request that comes again leaves with the same bytes, and nothing about it has
//! to be remembered.

use std::fmt;

use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use throughline_context::{SpanId, TraceId};

/// A key.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// A new one; nothing where the operating system has no random bytes.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self::new(&bytes))
    }

    /// A configured one: pseudonyms stay the same after a restart, and on other machines.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, bytes))
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
        let mut context = hmac::Context::with_key(&self.0);
        for part in [purpose.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut out = [0; N];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
    }
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
