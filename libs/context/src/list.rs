//! Comma-separated header lists (RFC 9110, section 5.6.1).

/// Without the spaces and tabs around it (RFC 9110, section 5.6.3).
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// The members of a list, trimmed, in order; empty ones are left out.
pub(crate) fn members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// The text at both sides of the first `separator`.
pub(crate) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The text, where it is nothing but printable ASCII: a carrier that is not HTTP may hold line breaks, which must not
/// get into a header.
pub(crate) fn printable(text: &[u8]) -> Option<&str> {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) { str::from_utf8(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_trimmed_and_never_empty() {
        let read = |text: &'static str| members(text.as_bytes()).collect::<alloc::vec::Vec<_>>();
        assert_eq!(read(" a \t,, \t ,b"), [b"a", b"b"]);
        assert!(read(" , \t,").is_empty());
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(split_once(b"a=b=c", b'='), Some((&b"a"[..], &b"b=c"[..])));
    }
}
