//! Patterns of Go's `path/filepath.Match`: `*` and `?` stop at `/`, `[a-z]` is one of these, `\` takes what follows
//! as it is.

use regex::Regex;

/// Matches whole texts.
#[derive(Debug)]
pub(super) struct Glob(Regex);

impl Glob {
    /// The error says what is wrong with the pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, &'static str> {
        let mut regex = String::from("(?s)^");
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' => regex.push_str("[^/]*"),
                '?' => regex.push_str("[^/]"),
                '\\' => regex
                    .push_str(&regex::escape(chars.next().ok_or("a `\\` ends it")?.encode_utf8(&mut [0; 4]))),
                '[' => class(&mut chars, &mut regex)?,
                c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        regex.push('$');
        Regex::new(&regex).map(Self).map_err(|_| "it has an empty or reversed range, or is too long")
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn class(chars: &mut std::str::Chars<'_>, regex: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "a `[` is not closed";
    regex.push('[');
    let mut next = chars.next().ok_or(OPEN)?;
    if next == '^' {
        regex.push('^');
        next = chars.next().ok_or(OPEN)?;
    }
    loop {
        let literal = match next {
            ']' => break,
            '-' => return Err("a range has no beginning"),
            '\\' => chars.next().ok_or(OPEN)?,
            c => c,
        };
        regex.push_str(&escaped(literal));
        next = chars.next().ok_or(OPEN)?;
        if next == '-' {
            let end = match chars.next().ok_or(OPEN)? {
                '\\' => chars.next().ok_or(OPEN)?,
                ']' => return Err("a range has no end"),
                c => c,
            };
            regex.push('-');
            regex.push_str(&escaped(end));
            next = chars.next().ok_or(OPEN)?;
        }
    }
    regex.push(']');
    Ok(())
}

/// A character of a class; some have a meaning only there.
fn escaped(c: char) -> String {
    if c.is_ascii_punctuation() { format!("\\x{{{:x}}}", u32::from(c)) } else { c.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_matches() {
        let table = [
            ("/user/*/list/*", "/user/1/list/2", true),
            ("/user/*/list/*", "/user/1/2/list/2", false),
            ("/user/*", "x/user/1", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[\\]&&]", "]", true),
            ("[&~]", "&", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a.c+", "a.c+", true),
            ("", "", true),
            ("*", "", true),
            ("*", "a\nb", true),
        ];
        for (pattern, text, matches) in table {
            assert_eq!(Glob::new(pattern).unwrap().matches(text), matches, "{pattern} {text:?}");
        }
        for pattern in ["[", "[a", "[]", "[-a]", "[a-]", "a\\", "[z-a]"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }
}
