//! International bank account numbers (ISO 13616): length by country, check digits modulo 97.

use std::ops::Range;

use super::digits::byte;

/// Countries of the registry with the lengths of their numbers.
const LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];
/// Every account has some, and so has every text that is looked at.
const FEWEST_DIGITS: usize = 7;

/// The number that begins at `at`, in one piece or in fours.
pub(super) fn find(text: &[u8], at: usize) -> Option<Range<usize>> {
    let [a, b, c, d, ..] = text.get(at..)? else { return None };
    if !(c.is_ascii_digit() && d.is_ascii_digit()) {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let (_, length) = LENGTHS.iter().find(|(known, _)| **known == country)?;
    let mut signs = [0_u8; 34];
    let mut next = at;
    for (index, sign) in signs.iter_mut().take(*length).enumerate() {
        let printed = index > 0 && index % 4 == 0 && matches!(byte(text, next), b' ' | b'-');
        next += usize::from(printed);
        let found = byte(text, next);
        if !found.is_ascii_alphanumeric() {
            return None;
        }
        *sign = found;
        next += 1;
    }
    let signs = signs.get(..*length)?;
    let digits = signs.iter().filter(|sign| sign.is_ascii_digit()).count();
    (digits >= FEWEST_DIGITS && !byte(text, next).is_ascii_alphanumeric() && checks(signs))
        .then_some(at..next)
}

/// The first four signs go to the end, letters count from 10, and the whole leaves 1.
fn checks(signs: &[u8]) -> bool {
    let Some((front, rest)) = signs.split_at_checked(4) else { return false };
    let left = rest.iter().chain(front).try_fold(0, |left, sign| {
        let value = char::from(*sign).to_digit(36)?;
        Some((left * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    left == Some(1)
}
