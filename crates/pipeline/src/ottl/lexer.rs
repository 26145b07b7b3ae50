//! Text to tokens.

use std::ops::Range;

use super::wrong::Wrong;

/// Bytes of one statement or condition.
pub const LONGEST: usize = 16 << 10;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    /// Of a path, a function, an enum, or a keyword.
    Name(String),
    Text(String),
    Bytes(Vec<u8>),
    /// Without a sign. It is kept as a text, since the smallest number is -2^63 and 2^63 is none.
    Int(u64),
    Double(f64),
    Symbol(&'static str),
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 22] = [
    "==", "!=", "<=", ">=", "=>", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "+", "-", "*",
    "/", "_",
];

/// The tokens of a text, an `End` last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    if text.len() > LONGEST {
        let message = format!("{} bytes of text; the limit is {LONGEST}", text.len());
        return Err(Wrong::new(0..0, message));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token()?;
        let end = token.kind == Kind::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn token(&mut self) -> Result<Token, Wrong> {
        self.take(char::is_whitespace);
        let start = self.at;
        let kind = match self.peek() {
            None => Kind::End,
            Some('"') => Kind::Text(self.quoted()?),
            Some(c) if c.is_ascii_alphabetic() => {
                Kind::Name(self.take(|c| c.is_ascii_alphanumeric() || c == '_').to_owned())
            }
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some('.') if self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            Some(c) => self.symbol(c)?,
        };
        Ok(Token { kind, at: start..self.at })
    }

    fn symbol(&mut self, c: char) -> Result<Kind, Wrong> {
        let at = self.at..self.at + c.len_utf8();
        let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest().starts_with(symbol)) else {
            let wrong = Wrong::new(
                at,
                format!(
                    "`{}` means nothing here",
                    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
                ),
            );
            return Err(match c {
                '\'' => wrong.help("text stands in double quotes"),
                '&' => wrong.help("write `and`"),
                '|' => wrong.help("write `or`"),
                '!' => wrong.help("write `not`"),
                _ => wrong,
            });
        };
        if matches!(symbol, "=>" | "_") {
            return Err(Wrong::new(at, "functions of functions (`(k, v) => ...`) are not supported"));
        }
        self.at += symbol.len();
        Ok(Kind::Symbol(symbol))
    }

    fn number(&mut self) -> Result<Kind, Wrong> {
        let start = self.at;
        if let Some(digits) = self.rest().strip_prefix("0x") {
            let len = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            self.at += 2 + len;
            let digits = digits.get(..len).unwrap_or_default();
            return bytes(digits).map(Kind::Bytes).ok_or_else(|| {
                Wrong::new(
                    start..self.at,
                    "bytes are written with two hexadecimal digits each, such as `0x0afe`",
                )
            });
        }
        let digit = |c: char| c.is_ascii_digit();
        self.take(digit);
        let mut whole = true;
        if self.peek() == Some('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) {
            whole = false;
            self.at += 1;
            self.take(digit);
            let exponent = self.rest();
            let unsigned =
                exponent.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
            if let Some(rest) = unsigned.filter(|rest| rest.starts_with(digit)) {
                self.at += exponent.len() - rest.len();
                self.take(digit);
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number =
            if whole { text.parse().ok().map(Kind::Int) } else { text.parse().ok().map(Kind::Double) };
        number.ok_or_else(|| Wrong::new(start..self.at, format!("`{text}` does not fit into 64 bits")))
    }

    /// A text in double quotes, with the escapes of Go.
    fn quoted(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.next() else {
                return Err(Wrong::new(start..start + 1, "a text begins here and does not end")
                    .help("it ends with `\"`; a `\"` inside of it is written `\\\"`"));
            };
            match c {
                '"' => return Ok(text),
                '\\' => {
                    let escape = self.at - 1;
                    let Some(c) = self.escape() else {
                        return Err(Wrong::new(escape..self.at, "there is no such escape in a text").help(
                            "a backslash itself is written `\\\\`, as in the pattern \"[0-9]+\\\\.[0-9]+\"",
                        ));
                    };
                    text.push(c);
                }
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            '"' => '"',
            'x' => return self.code(2, 16).filter(char::is_ascii),
            'u' => return self.code(4, 16),
            'U' => return self.code(8, 16),
            '0'..='7' => {
                self.at -= 1;
                return self.code(3, 8).filter(char::is_ascii);
            }
            _ => return None,
        })
    }

    fn code(&mut self, digits: usize, base: u32) -> Option<char> {
        let digits = self.rest().get(..digits).filter(|digits| digits.chars().all(|c| c.is_digit(base)))?;
        self.at += digits.len();
        char::from_u32(u32::from_str_radix(digits, base).ok()?)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }
}

/// The bytes that an even number of hexadecimal digits stands for.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() || digits.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<Kind>, String> {
        let tokens = tokens(text).map_err(|wrong| format!("{:?} {}", wrong.at, wrong.message))?;
        Ok(tokens.into_iter().map(|token| token.kind).collect())
    }

    #[test]
    fn literals() {
        let table = [
            (r#""a\"b\\.\n\t\x41\u00e9\101""#, Kind::Text("a\"b\\.\n\tAéA".into())),
            ("0x0aFF", Kind::Bytes(vec![10, 255])),
            ("12", Kind::Int(12)),
            ("9223372036854775808", Kind::Int(1 << 63)),
            ("1.5", Kind::Double(1.5)),
            (".5", Kind::Double(0.5)),
            ("1.5e3", Kind::Double(1500.0)),
            ("1.5E-3", Kind::Double(0.0015)),
            ("not_a_keyword", Kind::Name("not_a_keyword".into())),
            ("SPAN_KIND_SERVER", Kind::Name("SPAN_KIND_SERVER".into())),
        ];
        for (text, kind) in table {
            assert_eq!(kinds(text).unwrap(), [kind, Kind::End], "{text}");
        }
    }

    #[test]
    fn what_is_no_token() {
        let table = [
            ("a == 'b'", "5..6 `'` means nothing here"),
            ("a && b", "2..3 `&` means nothing here"),
            ("\"abc", "0..1 a text begins here and does not end"),
            (r#""a\d""#, "2..4 there is no such escape in a text"),
            (r#""\xff""#, "1..5 there is no such escape in a text"),
            ("0xabc", "0..5 bytes are written with two hexadecimal digits each, such as `0x0afe`"),
            ("0x", "0..2 bytes are written with two hexadecimal digits each, such as `0x0afe`"),
            ("99999999999999999999", "0..20 `99999999999999999999` does not fit into 64 bits"),
            ("Any(x, (_, v) => v)", "8..9 functions of functions (`(k, v) => ...`) are not supported"),
        ];
        for (text, wrong) in table {
            assert_eq!(kinds(text).unwrap_err(), wrong, "{text}");
        }
        assert!(kinds(&"a".repeat(LONGEST + 1)).unwrap_err().contains("the limit is 16384"));
    }

    #[test]
    fn symbols_are_told_apart() {
        let symbols: Vec<_> = kinds("a[\"b\"]<=-1.e").unwrap();
        let symbol = |symbol| Kind::Symbol(symbol);
        let name = |name: &str| Kind::Name(name.into());
        let text = Kind::Text("b".into());
        let expected = [
            name("a"),
            symbol("["),
            text,
            symbol("]"),
            symbol("<="),
            symbol("-"),
            Kind::Int(1),
            symbol("."),
            name("e"),
            Kind::End,
        ];
        assert_eq!(symbols, expected);
    }
}
