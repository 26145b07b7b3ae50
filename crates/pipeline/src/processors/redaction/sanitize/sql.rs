//! SQL statements without values: literals become `?`, comments go, everything else stays as it is written.

use std::iter::Peekable;
use std::str::CharIndices;

/// Writes the statement without values. `quoted`: text in double quotes is a value and not a name.
pub(super) fn sanitize(statement: &str, quoted: bool, out: &mut String) {
    let mut reader = Reader { text: statement, chars: statement.char_indices().peekable(), quoted };
    while let Some((start, sign)) = reader.chars.next() {
        match reader.token(start, sign) {
            Token::Value => out.push('?'),
            Token::Comment => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            Token::Other => out.push_str(reader.since(start)),
        }
    }
    out.truncate(out.trim_end().len());
}

enum Token {
    Value,
    Comment,
    Other,
}

struct Reader<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    quoted: bool,
}

impl<'t> Reader<'t> {
    fn token(&mut self, start: usize, sign: char) -> Token {
        let next = self.chars.peek().map(|(_, next)| *next);
        match sign {
            '\'' => self.literal('\''),
            '"' if self.quoted => self.literal('"'),
            '"' | '`' => {
                self.up_to(sign);
                Token::Other
            }
            '[' if !self.quoted && next.is_some_and(|next| next.is_alphabetic() || next == '_') => {
                self.up_to(']');
                Token::Other
            }
            '-' if next == Some('-') => self.line_comment(),
            '#' if self.quoted => self.line_comment(),
            '/' if next == Some('*') => self.block_comment(),
            '$' => self.dollar(start),
            '0'..='9' => self.number(),
            '.' if next.is_some_and(|next| next.is_ascii_digit()) && !self.is_behind_name(start) => {
                self.number()
            }
            _ if sign.is_alphabetic() || sign == '_' || sign == '@' || sign == ':' => self.word(start),
            _ => Token::Other,
        }
    }

    fn since(&mut self, start: usize) -> &'t str {
        let end = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Goes behind the next of these signs.
    fn up_to(&mut self, end: char) {
        self.chars.by_ref().find(|(_, sign)| *sign == end);
    }

    /// A literal whose opening quote is read; a quote in it is doubled, or behind a backslash.
    fn literal(&mut self, quote: char) -> Token {
        while let Some((_, sign)) = self.chars.next() {
            if sign == '\\' {
                self.chars.next();
            } else if sign == quote && self.chars.next_if(|(_, next)| *next == quote).is_none() {
                break;
            }
        }
        Token::Value
    }

    fn line_comment(&mut self) -> Token {
        while self.chars.next_if(|(_, sign)| *sign != '\n').is_some() {}
        Token::Comment
    }

    fn block_comment(&mut self) -> Token {
        self.chars.next();
        let mut before = ' ';
        for (_, sign) in self.chars.by_ref() {
            if (before, sign) == ('*', '/') {
                break;
            }
            before = sign;
        }
        Token::Comment
    }

    /// `$1` is a place for a value, `$tag$...$tag$` is one.
    fn dollar(&mut self, start: usize) -> Token {
        while self.chars.next_if(|(_, sign)| sign.is_alphanumeric() || *sign == '_').is_some() {}
        if self.chars.next_if(|(_, sign)| *sign == '$').is_none() {
            return Token::Other;
        }
        let tag = self.since(start);
        let behind = start + tag.len();
        let rest = self.text.get(behind..).unwrap_or_default();
        let end = rest.find(tag).map_or(self.text.len(), |at| behind + at + tag.len());
        while self.chars.next_if(|(at, _)| *at < end).is_some() {}
        Token::Value
    }

    fn number(&mut self) -> Token {
        let mut before = ' ';
        while let Some((_, sign)) = self.chars.next_if(|(_, sign)| {
            sign.is_ascii_alphanumeric()
                || *sign == '.'
                || (matches!(before, 'e' | 'E') && matches!(*sign, '+' | '-'))
        }) {
            before = sign;
        }
        Token::Value
    }

    /// A name, a keyword, or a word for a value; also `N'...'`, `x'...'` and `E'...'`.
    fn word(&mut self, start: usize) -> Token {
        while self.chars.next_if(|(_, sign)| sign.is_alphanumeric() || matches!(sign, '_' | '$')).is_some() {}
        let word = self.since(start);
        if word.len() <= 2 && self.chars.next_if(|(_, sign)| *sign == '\'').is_some() {
            return self.literal('\'');
        }
        let value = ["true", "false", "null"].iter().any(|value| word.eq_ignore_ascii_case(value));
        if value { Token::Value } else { Token::Other }
    }

    fn is_behind_name(&self, at: usize) -> bool {
        let before = self.text.get(..at).and_then(|text| text.chars().next_back());
        before.is_some_and(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '"' | '`' | ']'))
    }
}
