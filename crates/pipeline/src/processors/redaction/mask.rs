//! What stands in the place of what was found.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use sha3::Sha3_256;

use personal::{Kind, normal_form};

pub(super) const STARS: &str = "****";
/// Bytes of a keyed hash that are written: enough that no two callers share one.
const KEPT: usize = 16;

/// For what patterns find.
#[derive(Default)]
pub(super) enum Mask {
    #[default]
    Stars,
    Md5,
    Sha1,
    Sha3,
    HmacSha256(Hmac<Sha256>),
    HmacSha512(Hmac<Sha512>),
}

impl Mask {
    pub(super) fn hmac_sha256(key: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(key).ok().map(Self::HmacSha256)
    }

    pub(super) fn hmac_sha512(key: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(key).ok().map(Self::HmacSha512)
    }

    pub(super) fn write(&self, found: &str, out: &mut String) {
        match self {
            Self::Stars => out.push_str(STARS),
            Self::Md5 => put_hex(&Md5::digest(found), out),
            Self::Sha1 => put_hex(&Sha1::digest(found), out),
            Self::Sha3 => put_hex(&Sha3_256::digest(found), out),
            Self::HmacSha256(key) => put_hex(&signed(key.clone(), found.as_bytes()), out),
            Self::HmacSha512(key) => put_hex(&signed(key.clone(), found.as_bytes()), out),
        }
    }
}

/// For what detectors find: a keyed hash of its normal form, the same for the same caller however the number was
/// written. Without the key nobody finds the number by trying all of them.
pub(super) struct Pseudonym {
    key: Hmac<Sha256>,
    country_code: Option<String>,
}

impl Pseudonym {
    pub(super) fn new(key: &[u8], country_code: Option<String>) -> Option<Self> {
        Some(Self { key: Hmac::new_from_slice(key).ok()?, country_code })
    }

    pub(super) fn write(&self, kind: Kind, said: &[u8], out: &mut String) {
        let normal = normal_form(kind, said, self.country_code.as_deref());
        put_hex(signed(self.key.clone(), &normal).get(..KEPT).unwrap_or_default(), out);
    }
}

fn signed<M: Mac>(mut key: M, text: &[u8]) -> Vec<u8> {
    key.update(text);
    key.finalize().into_bytes().to_vec()
}

fn put_hex(bytes: &[u8], out: &mut String) {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}
