//! Steps through bytes. Every slice that comes out is a part of the slice that went in, so that its place is known.

use std::borrow::Cow;

/// Linear white space: blanks, and line ends where a line is folded (RFC 3261, section 25.1).
pub(crate) fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of a token (RFC 3261, section 25.1).
pub(crate) fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_char(*byte))
}

/// Parts at a place; at the end where the place is beyond it.
pub(crate) fn cut<T>(bytes: &[T], at: usize) -> (&[T], &[T]) {
    bytes.split_at(at.min(bytes.len()))
}

pub(crate) fn trim_start(bytes: &[u8]) -> &[u8] {
    cut(bytes, bytes.iter().position(|byte| !is_lws(*byte)).unwrap_or(bytes.len())).1
}

pub(crate) fn trim_end(bytes: &[u8]) -> &[u8] {
    cut(bytes, bytes.iter().rposition(|byte| !is_lws(*byte)).map_or(0, |last| last + 1)).0
}

pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// What stands before and after the first `byte`.
pub(crate) fn split_once(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = cut(bytes, memchr::memchr(byte, bytes)?);
    Some((before, cut(rest, 1).1))
}

/// A quotation mark without its partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unbalanced;

/// The place of the first byte that `wanted` takes, outside of quoted strings.
pub(crate) fn find_unquoted(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Result<Option<usize>, Unbalanced> {
    if memchr::memchr(b'"', bytes).is_none() {
        return Ok(bytes.iter().position(|byte| wanted(*byte)));
    }
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if !quoted && wanted(*byte) => return Ok(Some(at)),
            _ => {}
        }
    }
    if quoted { Err(Unbalanced) } else { Ok(None) }
}

/// The place of the first comma that parts two values: outside of quoted strings and of `<>`.
pub(crate) fn find_comma(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b',', bytes)?;
    let mut quoted = false;
    let mut escaped = false;
    let mut bracketed = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            _ if quoted => {}
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            b',' if !bracketed => return Some(at),
            _ => {}
        }
    }
    None
}

/// A decimal number that fits, with nothing but digits.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    bytes.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

pub(crate) fn port(bytes: &[u8]) -> Option<u16> {
    number(bytes)?.try_into().ok()
}

/// `host`, `host:port`, `[address]:port`; blanks around the colon are let pass, as in a Via.
pub(crate) fn host_port(bytes: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let end = if bytes.first() == Some(&b'[') {
        memchr::memchr(b']', bytes)? + 1
    } else {
        memchr::memchr(b':', bytes).unwrap_or(bytes.len())
    };
    let (host, rest) = cut(bytes, end);
    let host = trim(host);
    if !is_host(host) {
        return None;
    }
    match trim_start(rest) {
        [] => Some((host, None)),
        [b':', digits @ ..] => Some((host, Some(port(trim(digits))?))),
        _ => None,
    }
}

fn is_host(host: &[u8]) -> bool {
    match host {
        [b'[', address @ .., b']'] => {
            !address.is_empty()
                && address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        // An underscore is no letter of a host, and stands in many.
        name => {
            !name.is_empty()
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    }
}

/// One line of a folded value: each fold becomes a space (RFC 3261, section 7.3.1).
///
/// ```
/// assert_eq!(&*throughline_sip::unfold(b"rojo=1,\r\n\tcongo=2"), b"rojo=1, congo=2");
/// ```
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = Vec::with_capacity(value.len());
    for part in value.split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            line.push(b' ');
        }
        line.extend_from_slice(trim(part));
    }
    Cow::Owned(line)
}

/// The text of a quoted string, without quotation marks and backslashes; anything else as it is.
///
/// ```
/// assert_eq!(&*throughline_sip::unquote(br#""J \"R\" R""#), br#"J "R" R"#);
/// ```
pub fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inside @ .., b'"'] = text else { return Cow::Borrowed(text) };
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut escaped = false;
    let plain = inside.iter().filter(|byte| {
        escaped = **byte == b'\\' && !escaped;
        !escaped
    });
    Cow::Owned(plain.copied().collect())
}

/// The bytes behind `%41` and its like; what is no escape stays as it is.
///
/// ```
/// assert_eq!(&*throughline_sip::unescape(b"a%40b%3"), b"a@b%3");
/// ```
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, after @ ..] => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, next) = escape.unwrap_or((*first, after));
        plain.push(byte);
        rest = next;
    }
    Cow::Owned(plain)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}
