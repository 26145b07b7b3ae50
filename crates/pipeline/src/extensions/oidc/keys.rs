//! A provider's public keys (JWK sets: RFC 7517; PEM), and what a token says before it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
/// More than any provider has at a time.
const MOST: usize = 64;

/// A key with the algorithms that it is for: which one is used is not the token's to say (RFC 8725, 3.1).
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

impl Key {
    pub(super) fn fits(&self, header: &Header) -> bool {
        let same = header.kid.is_none() || self.id.is_none() || header.kid == self.id;
        same && self.algorithms.contains(&header.alg)
    }
}

/// Those keys of a set that can verify signatures; a key of a kind that we do not know is passed over.
pub(super) fn of_set(set: &Value) -> Vec<Key> {
    let all = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().take(MOST).filter_map(|jwk| of_jwk(&serde_json::from_value(jwk.clone()).ok()?)).collect()
}

fn of_jwk(jwk: &Jwk) -> Option<Key> {
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        AlgorithmParameters::OctetKey(_) => return None,
    };
    if let Some(only) = &jwk.common.key_algorithm {
        let only: Algorithm = only.to_string().parse().ok()?;
        algorithms.retain(|algorithm| *algorithm == only);
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), algorithms, key })
}

/// The keys of a file: a JWK set, or public keys in PEM form.
pub(super) fn of_file(path: &str) -> Result<Vec<Key>, String> {
    let text = std::fs::read(path).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    let keys = match serde_json::from_slice(&text) {
        Ok(set) => of_set(&set),
        Err(_) => SubjectPublicKeyInfoDer::pem_slice_iter(&text)
            .filter_map(|info| of_info(&info.ok()?))
            .take(MOST)
            .collect(),
    };
    if keys.is_empty() {
        return Err(format!(
            "`{path}` has no public key: give a JWK set, or PEM (-----BEGIN PUBLIC KEY-----)"
        ));
    }
    Ok(keys)
}

/// `SubjectPublicKeyInfo` (RFC 5280, 4.1): a sequence of an algorithm and the key's own bytes.
fn of_info(info: &[u8]) -> Option<Key> {
    const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const P256_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    const P384_OID: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];
    let (body, _) = der(info, 0x30)?;
    let (algorithm, rest) = der(body, 0x30)?;
    let (bits, _) = der(rest, 0x03)?;
    let key = bits.strip_prefix(&[0])?;
    let (first, parameters) = der(algorithm, 0x06)?;
    let curve = der(parameters, 0x06).map(|(curve, _)| curve);
    let (algorithms, key) = match (first, curve) {
        (RSA_OID, _) => (RSA.to_vec(), DecodingKey::from_rsa_der(key)),
        (_, Some(P256_OID)) => (vec![Algorithm::ES256], DecodingKey::from_ec_der(key)),
        (_, Some(P384_OID)) => (vec![Algorithm::ES384], DecodingKey::from_ec_der(key)),
        (ED25519_OID, _) => (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(key)),
        _ => return None,
    };
    Some(Key { id: None, algorithms, key })
}

/// The content of a value with this tag, and what follows it.
fn der(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes.strip_prefix(&[tag])?.split_first()? {
        (length @ ..=0x7f, rest) => (usize::from(*length), rest),
        (0x81, rest) => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        (0x82, rest) => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The issuer that a token names, which nobody has verified.
pub(super) fn issuer(token: &str) -> Option<String> {
    let claims = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}
