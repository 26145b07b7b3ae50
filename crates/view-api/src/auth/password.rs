//! Passwords of local users: argon2id (RFC 9106) in PHC form.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::random;

/// Bytes of a password; longer ones only cost time.
pub(super) const LONGEST: usize = 1024;
/// Passwords that are checked at the same time: each takes memory and a core.
const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);
/// KiB, rounds, lanes: the second of the two that OWASP names.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// A hash for the key `password_hash` of a user. Takes a moment, by design.
pub fn hash(password: &str) -> Result<String, String> {
    let wrong = |error: argon2::password_hash::Error| error.to_string();
    let salt = SaltString::encode_b64(&random::bytes::<16>()?).map_err(wrong)?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(wrong)?;
    Ok(hash.to_string())
}

/// What is wrong with a hash of the settings.
pub(super) fn check(hash: &str) -> Result<(), String> {
    let help = "make one with `throughline hash-password`";
    let read =
        PasswordHash::new(hash).map_err(|error| format!("it is no password hash ({error}); {help}"))?;
    if read.algorithm.as_str() != "argon2id" || read.hash.is_none() {
        return Err(format!("only argon2id is taken; {help}"));
    }
    Params::try_from(&read)
        .map(drop)
        .map_err(|error| format!("its parameters cannot be used ({error}); {help}"))
}

fn argon2() -> Result<Argon2<'static>, String> {
    let (memory, rounds, lanes) = COST;
    let params = Params::new(memory, rounds, lanes, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

pub(super) struct Passwords {
    hashes: HashMap<String, String>,
    /// Checked for a name that is not known, so that the time does not tell.
    nobody: String,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(hashes: impl Iterator<Item = (String, String)>) -> Self {
        let hashes: HashMap<_, _> = hashes.collect();
        // The hash of another user takes as long; whether it fits does not matter then.
        let nobody = hashes.values().next().cloned().unwrap_or_default();
        Self { hashes, nobody, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Whether the password is that of the user; nothing where too many are asked about at once.
    pub(super) async fn fits(&self, name: &str, password: String) -> Option<bool> {
        let known = self.hashes.get(name);
        let hash = known.unwrap_or(&self.nobody).clone();
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let place = place.await.ok()?.ok()?;
        let fits = tokio::task::spawn_blocking(move || {
            let _place = place;
            // The parameters of the hash count, not those of ours.
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Some(fits.await.unwrap_or(false) && known.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_alone() {
        let (ann, same) = (hash("correct horse").unwrap(), hash("correct horse").unwrap());
        assert_ne!(ann, same, "each has a salt of its own");
        assert_eq!(check(&ann), Ok(()));
        let passwords = Passwords::new([("ann".to_owned(), ann)].into_iter());
        for (name, password, fits) in [
            ("ann", "correct horse", true),
            ("ann", "Correct horse", false),
            ("ann", "", false),
            ("bob", "correct horse", false),
        ] {
            assert_eq!(passwords.fits(name, password.to_owned()).await, Some(fits), "{name} {password}");
        }
    }

    #[test]
    fn only_whole_argon2id_hashes_are_taken() {
        for (hash, why) in [
            ("secret", "it is no password hash"),
            ("$2y$10$CwTycUXWue0Thq9StjUM0uJ8QSN2rP5bvJv1XcKbG2b9k7tYVkYVa", "it is no password hash"),
            ("$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$uVyTQ0vFCLUSfNtpXF5J6w", "only argon2id"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "only argon2id"),
        ] {
            let found = check(hash).unwrap_err();
            assert!(found.starts_with(why) && found.contains("throughline hash-password"), "{found}");
        }
    }
}
