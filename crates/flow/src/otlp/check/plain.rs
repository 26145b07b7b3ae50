//! The shape that nearly every attribute has: a short key, then one short value. Checking it as a whole takes a
//! third of the time of checking it field by field; whatever looks otherwise takes the long way.

/// True for a `KeyValue` of a key and one scalar, each in its shortest encoding, and nothing else.
#[inline]
pub(super) fn is_plain(attribute: &[u8]) -> bool {
    let [0x0a, len @ 0..0x80, rest @ ..] = attribute else { return false };
    let Some((key, [0x12, len @ 0..0x80, value @ ..])) = rest.split_at_checked(usize::from(*len)) else {
        return false;
    };
    value.len() == usize::from(*len) && is_text(key) && is_scalar(value)
}

/// Valid UTF-8; quick where it is short and ASCII.
#[inline]
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

/// An `AnyValue` of one string, boolean, integer or double.
#[inline]
fn is_scalar(value: &[u8]) -> bool {
    match value {
        [0x0a, len @ 0..0x80, text @ ..] => text.len() == usize::from(*len) && is_text(text),
        [0x10, 0..0x80] => true,
        [0x18, digits @ .., 0..0x80] => digits.len() < 9 && digits.iter().all(|digit| *digit >= 0x80),
        [0x21, double @ ..] => double.len() == 8,
        _ => false,
    }
}
