//! Formats of Go's `fmt`, as far as values of spans need them.

use std::fmt::Write;

use crate::ottl::code::Valued;
use crate::ottl::failure::Failure;
use crate::ottl::text::{hex, text_like};
use crate::ottl::value::Value;

/// A value that is made wider than this is a mistake.
const WIDEST: usize = 1024;

#[derive(Debug)]
pub(in crate::ottl) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(Verb),
}

/// `%-08.3f`
#[derive(Clone, Default, Debug)]
struct Verb {
    left: bool,
    zeros: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl Format {
    pub(in crate::ottl) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c != '%' {
                plain.push(c);
                continue;
            }
            let mut verb = Verb::default();
            while let Some(flag) = rest.next_if(|c| matches!(c, '-' | '0' | '+')) {
                match flag {
                    '-' => verb.left = true,
                    '0' => verb.zeros = true,
                    _ => verb.plus = true,
                }
            }
            let number = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                let mut number = None;
                while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                    let digit = digit.to_digit(10).unwrap_or_default() as usize;
                    number = Some((number.unwrap_or(0_usize) * 10 + digit).min(WIDEST + 1));
                }
                number
                    .filter(|number| *number > WIDEST)
                    .map_or(Ok(number), |_| Err(format!("a value is made at most {WIDEST} characters wide")))
            };
            verb.width = number(&mut rest)?.unwrap_or(0);
            if rest.next_if_eq(&'.').is_some() {
                verb.precision = Some(number(&mut rest)?.unwrap_or(0));
            }
            match rest.next() {
                Some('%') => plain.push('%'),
                Some(kind @ ('s' | 'v' | 'd' | 'f' | 't' | 'x' | 'X')) => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Value(Verb { kind, ..verb }));
                }
                Some(other) => {
                    return Err(format!(
                        "there is no `%{other}`; there are %s, %v, %d, %f, %t, %x, %X and %%"
                    ));
                }
                None => return Err("a `%` at the end; write `%%` for the sign itself".to_owned()),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self { pieces })
    }

    /// How many values it takes.
    pub(in crate::ottl) fn values(&self) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count()
    }

    pub(in crate::ottl) fn write<'a>(
        &self,
        mut values: impl Iterator<Item = Valued<'a>>,
    ) -> Result<String, Failure> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(verb) => {
                    let value = values.next().unwrap_or(Ok(Value::Nil))?;
                    verb.write(value, &mut out)?;
                }
            }
        }
        Ok(out)
    }
}

impl Verb {
    fn write(&self, value: Value<'_>, out: &mut String) -> Result<(), Failure> {
        let precision = self.precision;
        let described = value.described();
        let (text, is_number) = match (self.kind, value) {
            ('s' | 'v', Value::Nil) => ("<nil>".to_owned(), false),
            ('v', Value::Int(number)) => (self.signed(number.to_string()), true),
            ('s', Value::Text(text)) | ('v', Value::Text(text)) => {
                let cut = precision.map(|most| text.chars().take(most).collect());
                (cut.unwrap_or_else(|| text.into_owned()), false)
            }
            ('s' | 'v', other) => (text_like(other).unwrap_or_default().into_owned(), false),
            ('d', Value::Int(number)) => (self.signed(number.to_string()), true),
            ('f', Value::Double(number)) => {
                (self.signed(format!("{number:.*}", precision.unwrap_or(6))), number.is_finite())
            }
            ('t', Value::Bool(value)) => (value.to_string(), false),
            ('x' | 'X', Value::Int(number)) => {
                let sign = if number < 0 { "-" } else { "" };
                (self.signed(format!("{sign}{:x}", number.unsigned_abs())), true)
            }
            ('x' | 'X', Value::Text(text)) => (hex(text.as_bytes()), false),
            ('x' | 'X', Value::Bytes(bytes)) => (hex(&bytes), false),
            _ => return Err(Failure::new(format!("`%{}` is not for {described}", self.kind))),
        };
        let text = if self.kind == 'X' { text.to_uppercase() } else { text };
        let missing = self.width.saturating_sub(text.chars().count());
        let written = if self.left {
            write!(out, "{text}{:missing$}", "")
        } else if self.zeros && is_number {
            // Zeros stand behind the sign.
            let digits = text.trim_start_matches(['+', '-']);
            let sign = text.get(..text.len() - digits.len()).unwrap_or_default();
            write!(out, "{sign}{:0<missing$}{digits}", "")
        } else {
            write!(out, "{:missing$}{text}", "")
        };
        written.map_err(|_| Failure::new("no room for the text"))
    }

    fn signed(&self, number: String) -> String {
        if self.plus && !number.starts_with('-') { format!("+{number}") } else { number }
    }
}
