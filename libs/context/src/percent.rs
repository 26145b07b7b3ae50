//! Percent-encoding (RFC 3986, section 2.1).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::hex;

/// The text behind an encoding. A `%` without two digits stands for itself; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let digits = tail.split_at_checked(2).filter(|_| *first == b'%');
        match digits.and_then(|(digits, tail)| Some((hex::decode_padded(digits)?, tail))) {
            Some(([byte], tail)) => {
                out.push(byte);
                rest = tail;
            }
            None => out.push(*first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Appends `text`; bytes that `plain` refuses are encoded, and so is `%`.
pub(crate) fn encode(text: &str, plain: impl Fn(u8) -> bool, out: &mut String) {
    for byte in text.bytes() {
        if plain(byte) && byte.is_ascii() && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let [high, low] = hex::pair(byte).map(|digit| char::from(digit.to_ascii_uppercase()));
            out.extend(['%', high, low]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_never_fails() {
        for (text, decoded) in [
            ("plain+text", "plain+text"),
            ("DF%2028", "DF 28"),
            ("%c3%A9", "é"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
            ("100%é", "100%é"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }

    #[test]
    fn what_is_not_plain_is_encoded() {
        let mut out = String::new();
        encode("a é%,", |byte| byte != b',' && byte != b' ', &mut out);
        assert_eq!(out, "a%20%C3%A9%25%2C");
    }
}
