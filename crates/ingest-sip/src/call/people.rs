//! Who called whom, as far as spans may say it.

use throughline_sip::{NameAddr, unescape};

use super::secret::{Secret, hex};
use super::settings::Numbers;

/// Longest name that is looked at.
const LONGEST: usize = 64;

/// The user of an address, by the rule for numbers; nothing where there is none.
pub(crate) fn shown(address: &NameAddr<'_>, numbers: Numbers, secret: &Secret) -> Option<Box<str>> {
    let uri = address.uri().ok()?;
    user(uri.user?, numbers, secret)
}

pub(crate) fn user(user: &[u8], numbers: Numbers, secret: &Secret) -> Option<Box<str>> {
    let plain = unescape(user.get(..LONGEST).unwrap_or(user));
    let text = String::from_utf8_lossy(plain.split(|byte| *byte == b';').next()?).into_owned();
    if text.eq_ignore_ascii_case("anonymous") {
        return Some("anonymous".into());
    }
    Some(match numbers {
        Numbers::Clear => text.into(),
        Numbers::Hashed => hex(&secret.pseudonym(digits(&text).as_bytes())).into(),
        Numbers::Masked => mask(&text).into(),
    })
}

/// Separators that people write into numbers do not make another number.
fn digits(text: &str) -> String {
    let without = text.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' '));
    without.map(|c| c.to_ascii_lowercase()).collect()
}

fn mask(text: &str) -> String {
    let plain = digits(text);
    let number = plain.strip_prefix('+').unwrap_or(&plain);
    let count = number.len();
    if count < 7 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return "****".to_owned();
    }
    let start = if plain.starts_with('+') { "+" } else { "" };
    let shown = |at: usize| at < 2 || at + 2 >= count;
    start.chars().chain(number.chars().enumerate().map(|(at, c)| if shown(at) { c } else { '*' })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_by_the_rule() {
        let secret = Secret::new(b"k");
        for (text, masked) in [
            ("+493012345678", "+49********78"),
            ("+49-30-1234.5678", "+49********78"),
            ("0301234567", "03******67"),
            ("112", "****"),
            ("alice", "****"),
            ("+4930123456;ext=7", "+49******56"),
            ("%2B493012345678", "+49********78"),
            ("Anonymous", "anonymous"),
        ] {
            assert_eq!(&*user(text.as_bytes(), Numbers::Masked, &secret).unwrap(), masked, "{text}");
        }
        let hashed = |text: &str| user(text.as_bytes(), Numbers::Hashed, &secret).unwrap();
        assert_eq!(hashed("+49 30 1234"), hashed("+49-30-1234"));
        assert_ne!(hashed("+49301234"), hashed("+49301235"));
        assert_eq!(&*user(b"+49301234", Numbers::Clear, &secret).unwrap(), "+49301234");
    }
}
