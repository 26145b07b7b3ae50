//! Users by the formats of Apache's `htpasswd`.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::same;

/// How a user's password is kept.
#[derive(Clone)]
enum Kept {
    /// `$2y$...`
    Bcrypt(String),
    /// `$apr1$salt$...`: the salt, and everything.
    Apr1 { salt: String, whole: String },
    /// `{SHA}...`
    Sha1(Vec<u8>),
    /// As it is: `${env:USER}:${env:PASSWORD}` in a configuration.
    Plain(String),
}

#[derive(Default)]
pub(super) struct Users {
    by_name: HashMap<String, Kept>,
}

impl Users {
    /// Adds the users of a text; one that is there already is replaced. An error never quotes a line.
    pub(super) fn read(&mut self, text: &str, place: &str) -> Result<(), String> {
        for (nth, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = || format!("{place}, line {}", nth + 1);
            let (name, kept) = line
                .split_once(':')
                .filter(|(name, kept)| !name.is_empty() && !kept.is_empty())
                .ok_or_else(|| format!("{}: it is not `name:password`", at()))?;
            let kept = Kept::read(kept).map_err(|why| format!("{}: {why}", at()))?;
            self.by_name.insert(name.to_owned(), kept);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// True for a user with this password. An unknown one takes as long as a known one.
    pub(super) fn are(&self, name: &str, password: &str) -> bool {
        let known = self.by_name.get(name);
        let kept = known.or_else(|| self.by_name.values().next());
        kept.is_some_and(|kept| kept.is(password)) && known.is_some()
    }
}

impl Kept {
    fn read(text: &str) -> Result<Self, String> {
        let unknown = |what: &str| Err(format!("{what}; make the line with `htpasswd -nB name`"));
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return match text.parse::<bcrypt::HashParts>() {
                Ok(_) => Ok(Self::Bcrypt(text.to_owned())),
                Err(_) => unknown("it looks like bcrypt, and cannot be read"),
            };
        }
        if let Some(rest) = text.strip_prefix("$apr1$") {
            return match rest.split_once('$') {
                Some((salt, hash)) if hash.len() == 22 && salt.len() <= 8 => {
                    Ok(Self::Apr1 { salt: salt.to_owned(), whole: text.to_owned() })
                }
                _ => unknown("it looks like apr1, and cannot be read"),
            };
        }
        if let Some(rest) = text.strip_prefix("{SHA}") {
            return match STANDARD.decode(rest) {
                Ok(hash) if hash.len() == 20 => Ok(Self::Sha1(hash)),
                _ => unknown("it looks like SHA-1, and cannot be read"),
            };
        }
        if text.starts_with('$') || text.starts_with('{') {
            return unknown("this form of password is not supported");
        }
        Ok(Self::Plain(text.to_owned()))
    }

    fn is(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Apr1 { salt, whole } => same(apr1(password.as_bytes(), salt).as_bytes(), whole.as_bytes()),
            Self::Sha1(hash) => same(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref(), hash),
            Self::Plain(kept) => same(password.as_bytes(), kept.as_bytes()),
        }
    }
}

/// Apache's variant of the MD5 crypt (`apr_md5_encode`).
fn apr1(password: &[u8], salt: &str) -> String {
    let salt = salt.as_bytes();
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$apr1$").chain_update(salt);
    password.chunks(inner.len()).for_each(|chunk| {
        first.update(inner.get(..chunk.len()).unwrap_or_default());
    });
    let mut left = password.len();
    while left > 0 {
        first.update(if left & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        left >>= 1;
    }
    let mut sum = first.finalize();
    for round in 0..1000 {
        let odd = round & 1 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &sum });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &sum } else { password });
        sum = next.finalize();
    }
    let byte = |at: usize| u32::from(sum.get(at).copied().unwrap_or_default());
    let mut out = format!("$apr1${}$", String::from_utf8_lossy(salt));
    for (high, middle, low) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
        put(&mut out, byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    put(&mut out, byte(11), 2);
    out
}

fn put(out: &mut String, mut value: u32, digits: usize) {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..digits {
        out.extend(DIGITS.get((value & 63) as usize).map(|digit| char::from(*digit)));
        value >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `htpasswd -nb`, `-nbm`, `-nbs` and `-nbB -C 4`.
    const LINES: &str = "# users\n\nmd5:$apr1$izI./5Nu$WHUcF6dWoCXX9hrkaMYUd.\nsha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n\
        bcrypt:$2y$04$.TLysxJZ4sTqFlqOw4L6j.73ZJ3XNv1XWbcuVaItTLGbIX8W/0XUm\nplain:pass:word\n";

    #[test]
    fn known_users_get_in() {
        let mut users = Users::default();
        users.read(LINES, "inline").unwrap();
        for name in ["md5", "sha", "bcrypt"] {
            assert!(users.are(name, "password"), "{name}");
        }
        assert!(users.are("plain", "pass:word"), "a password may have a colon");
        for name in ["md5", "sha", "bcrypt", "plain", "nobody", ""] {
            assert!(!users.are(name, "wrong") && !users.are(name, ""), "{name}");
        }
    }

    #[test]
    fn apr1_is_that_of_apache() {
        // The example of Apache's documentation, "Password Formats".
        assert_eq!(apr1(b"myPassword", "r31....."), "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/");
    }

    #[test]
    fn bcrypt_is_that_of_others() {
        let hash = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";
        assert!(Kept::read(hash).unwrap().is("myPassword"));
        assert!(!Kept::read(hash).unwrap().is("mypassword"));
    }

    #[test]
    fn what_cannot_be_read_is_named_without_being_shown() {
        let read = |line: &str| Users::default().read(&format!("a:b\n{line}"), "users.txt").unwrap_err();
        for (line, why) in [
            ("justaname", "users.txt, line 2: it is not `name:password`"),
            ("a:$6$abc$secret", "this form of password is not supported; make the line with"),
            ("a:$2y$05$secret", "it looks like bcrypt, and cannot be read"),
            ("a:$apr1$secret", "it looks like apr1"),
            ("a:{SHA}secret", "it looks like SHA-1"),
        ] {
            let found = read(line);
            assert!(found.contains(why) && !found.contains("secret"), "{found}");
        }
    }
}
