//! The tokens of PostgreSQL's SQL, as far as it takes to tell literals from the rest. Total on any text: where the end
//! of a literal is missing or in doubt, the rest of the text belongs to it.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A keyword or a name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string or a number.
    Literal,
    /// `$1`
    Parameter,
    /// White space or a comment.
    Space,
    /// One other character.
    Mark,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// The longest name that the server keeps.
const LONGEST_NAME: usize = 63 + 2;

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text.eq_ignore_ascii_case(text)
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }
}

pub(super) fn tokens(mut text: &str) -> Vec<Token<'_>> {
    let (mut found, mut escape) = (Vec::new(), false);
    while let Some(first) = text.chars().next() {
        let (kind, length) = kind_and_length(first, text, escape);
        let (own, rest) = text.split_at_checked(length).unwrap_or((text, ""));
        let token = Token { kind, text: own };
        if kind != Kind::Space {
            escape = token.is("ESCAPE");
        }
        found.push(token);
        text = rest;
    }
    found
}

/// The kind of the first token, and its length in bytes; `escape` where `ESCAPE` stands before it.
fn kind_and_length(first: char, text: &str, escape: bool) -> (Kind, usize) {
    let second = text.chars().nth(1);
    match first {
        '\'' if escape && text.starts_with(r"'\'") => (Kind::Literal, 3),
        '\'' => (Kind::Literal, string(text, 1, false)),
        '"' => quoted(text),
        '$' => dollar(text),
        '-' if second == Some('-') => (Kind::Space, until(text, |c| c == '\n' || c == '\r')),
        '/' if second == Some('*') => (Kind::Space, comment(text)),
        '.' if second.is_some_and(|c| c.is_ascii_digit()) => (Kind::Literal, number(text)),
        c if c.is_ascii_digit() => (Kind::Literal, number(text)),
        c if c.is_ascii_whitespace() || c.is_ascii_control() => {
            (Kind::Space, until(text, |c| !c.is_ascii_whitespace() && !c.is_ascii_control()))
        }
        c if is_in_word(c) => word(text),
        c => (Kind::Mark, c.len_utf8()),
    }
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// A word, or a string that a letter stands before: `E'..'`, `B'..'`, `X'..'`, `N'..'`, `U&'..'`.
fn word(text: &str) -> (Kind, usize) {
    let length = until(text, |c| !is_in_word(c));
    let (word, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    let is = |letter: &str| word.eq_ignore_ascii_case(letter);
    if rest.starts_with('\'') && ["E", "B", "X", "N"].into_iter().any(is) {
        return (Kind::Literal, string(text, length + 1, is("E")));
    }
    if rest.starts_with("&'") && is("U") {
        return (Kind::Literal, string(text, length + 2, false));
    }
    (Kind::Word, length)
}

/// The length of a string whose content begins at this byte. Two quotes in a row are one in the string. A backslash
/// before a quote hides it in `E'..'`; elsewhere that is a setting of the server, so that the end is in doubt.
fn string(text: &str, begin: usize, escapes: bool) -> usize {
    let mut rest = text.char_indices().skip_while(|(at, _)| *at < begin).peekable();
    let mut escaped = false;
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => escaped = !escaped,
            '\'' if escaped && !escapes => return text.len(),
            '\'' if escaped => escaped = false,
            '\'' if rest.next_if(|(_, next)| *next == '\'').is_some() => {}
            '\'' => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A name in quotes; a literal where it has no end, or is longer than names are.
fn quoted(text: &str) -> (Kind, usize) {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        if c == '"' && rest.next_if(|(_, next)| *next == '"').is_none() {
            let kind = if at < LONGEST_NAME { Kind::Quoted } else { Kind::Literal };
            return (kind, at + 1);
        }
    }
    (Kind::Literal, text.len())
}

/// `$1`, or `$tag$ .. $tag$`.
fn dollar(text: &str) -> (Kind, usize) {
    let after = text.strip_prefix('$').unwrap_or_default();
    let digits = until(after, |c| !c.is_ascii_digit());
    if digits > 0 {
        return (Kind::Parameter, 1 + digits);
    }
    let tag = until(after, |c| c == '$' || !is_in_word(c));
    let Some((mark, body)) = text.split_at_checked(tag + 2).filter(|(mark, _)| mark.ends_with('$')) else {
        return (Kind::Mark, 1);
    };
    (Kind::Literal, body.find(mark).map_or(text.len(), |at| at + 2 * mark.len()))
}

/// Comments nest. One without an end goes to the end of the text.
fn comment(text: &str) -> usize {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        if let Some(inside) = rest.strip_prefix("/*") {
            (depth, rest) = (depth + 1, inside);
        } else if let Some(outside) = rest.strip_prefix("*/") {
            (depth, rest) = (depth - 1, outside);
            if depth == 0 {
                return text.len() - rest.len();
            }
        } else {
            let mut left = rest.chars();
            if left.next().is_none() {
                return text.len();
            }
            rest = left.as_str();
        }
    }
}

/// Everything that hangs together with a digit, whether the server takes it for a number or not.
fn number(text: &str) -> usize {
    let mut before = ' ';
    until(text, |c| {
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        let goes_on = c == '.' || (is_in_word(c) && c != '$') || sign;
        before = c;
        !goes_on
    })
}

/// The bytes before the first character that ends it.
fn until(text: &str, ends: impl FnMut(char) -> bool) -> usize {
    text.find(ends).unwrap_or(text.len())
}
