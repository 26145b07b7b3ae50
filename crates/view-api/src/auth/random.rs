//! What nobody can guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

pub(super) fn bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| "this machine gives no random numbers".to_owned())
}

/// 256 bits, as text for a cookie or a header.
pub(super) fn token() -> Result<String, String> {
    bytes::<32>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}
