//! Values in statements. Of anybody's text letters and digits alone stand there as they are.

use std::fmt::Write;

/// Bytes of one list: a statement of more than 256 KiB is refused (`max_query_size`).
const LONGEST: usize = 100_000;

/// A literal of type String.
pub(crate) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            literal.push(char::from(byte));
        } else {
            write!(literal, "\\x{byte:02X}").unwrap_or_default();
        }
    }
    literal.push('\'');
    literal
}

/// `'…','…'`: several lists where they are too long together.
pub(crate) fn lists<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for text in texts {
        let literal = quoted(text);
        match lists.last_mut() {
            Some(open) if open.len() + literal.len() < LONGEST => {
                open.push(',');
                open.push_str(&literal);
            }
            _ => lists.push(literal),
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal() {
        assert_eq!(quoted("call1"), "'call1'");
        assert_eq!(quoted("a' OR 1=1 --\\"), r"'a\x27\x20OR\x201\x3D1\x20\x2D\x2D\x5C'");
        assert_eq!(quoted("ü\0"), r"'\xC3\xBC\x00'");
        assert_eq!(lists([]), Vec::<String>::new());
        assert_eq!(lists(["a", "b"]), ["'a','b'"]);
        let many = "x".repeat(LONGEST / 2);
        assert_eq!(lists([many.as_str(), "a", many.as_str()]).len(), 2);
    }
}
