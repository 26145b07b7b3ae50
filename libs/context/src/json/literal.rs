//! String literals (RFC 8259, section 7).

use alloc::borrow::Cow;
use alloc::string::String;

use crate::hex;

/// The text of a string literal; nothing for other values. A lone surrogate becomes U+FFFD.
pub(super) fn string(literal: &str) -> Option<Cow<'_, str>> {
    let inside = literal.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.next()? {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let (unit, after) = unit(chars.as_str())?;
                chars = after.chars();
                let pair = after.strip_prefix("\\u").and_then(unit_of_pair(unit));
                match pair {
                    Some((c, after)) => {
                        out.push(c);
                        chars = after.chars();
                    }
                    None => out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
            other => out.push(other),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Four hexadecimal digits.
fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// The character of a high surrogate and the low one behind it.
fn unit_of_pair(high: u32) -> impl Fn(&str) -> Option<(char, &str)> {
    move |text| {
        let (low, rest) = unit(text)?;
        match (high, low) {
            (0xd800..0xdc00, 0xdc00..0xe000) => {
                let c = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
                Some((c, rest))
            }
            _ => None,
        }
    }
}

/// Appends a string literal.
pub(super) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..='\x1f' => {
                let [high, low] = hex::pair(u8::try_from(c).unwrap_or_default()).map(char::from);
                out.extend(['\\', 'u', '0', '0', high, low]);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
