//! From text to tokens.

use store_api::Misread;

/// Longest query, in bytes.
const LONGEST: usize = 8192;

/// The longer of those that begin alike go first.
const SIGNS: [&str; 30] = [
    "&>>", "&<<", "!>>", "!<<", "&&", "||", "&>", "&<", "&~", "!>", "!<", "!~", "!=", "=~", ">=", "<=", ">>",
    "<<", "=", ">", "<", "~", "!", "|", "(", ")", "{", "}", ",", "^",
];

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub(super) what: What,
    /// In characters, from 1 on.
    pub(super) at: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum What {
    Sign(&'static str),
    /// A name, a number or a keyword; quotes within it are taken away.
    Word(String),
    /// What stood in quotes.
    Text(String),
    End,
}

/// The last one is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Misread> {
    if text.len() > LONGEST {
        let what = format!("a query of {} bytes", text.len());
        return Err(Misread { what, at: 1, help: format!("up to {LONGEST} are read") });
    }
    let mut lexer = Lexer { rest: text, at: 1 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.what == What::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Token, Misread> {
        while self.rest.starts_with(char::is_whitespace) {
            self.take();
        }
        let at = self.at;
        let what = match self.rest.chars().next() {
            None => What::End,
            Some(quote @ ('"' | '`')) => {
                let mut text = String::new();
                self.quoted(quote, &mut text)?;
                What::Text(text)
            }
            Some(_) => match SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
                Some(sign) => {
                    sign.chars().for_each(|_| self.take());
                    What::Sign(sign)
                }
                None => What::Word(self.word()?),
            },
        };
        Ok(Token { what, at })
    }

    fn word(&mut self) -> Result<String, Misread> {
        let mut word = String::new();
        loop {
            match self.rest.chars().next() {
                Some('"') => self.quoted('"', &mut word)?,
                Some(c) if !c.is_whitespace() && !"{}()=~!<>&|^,".contains(c) => {
                    word.push(c);
                    self.take();
                }
                // A lone `&` begins no sign.
                Some(c) if word.is_empty() => {
                    return Err(
                        self.wrong(&format!("`{c}` means nothing here"), "`&&` and `||` join conditions")
                    );
                }
                _ => return Ok(word),
            }
        }
    }

    fn quoted(&mut self, quote: char, text: &mut String) -> Result<(), Misread> {
        let opened = self.at;
        self.take();
        loop {
            match self.rest.chars().next() {
                Some(c) if c == quote => {
                    self.take();
                    return Ok(());
                }
                Some('\\') if quote == '"' => {
                    self.take();
                    text.push(match self.rest.chars().next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some(c @ ('\\' | '"' | '\'')) => c,
                        _ => {
                            return Err(self.wrong(
                                "a `\\` before what needs none",
                                "in quotes, write `\\\\` for a `\\`",
                            ));
                        }
                    });
                    self.take();
                }
                Some(c) => {
                    text.push(c);
                    self.take();
                }
                None => {
                    let help = format!("close it with `{quote}`");
                    return Err(Misread { what: "a quote that is not closed".to_owned(), at: opened, help });
                }
            }
        }
    }

    fn take(&mut self) {
        let mut chars = self.rest.chars();
        self.at += usize::from(chars.next().is_some());
        self.rest = chars.as_str();
    }

    fn wrong(&self, what: &str, help: &str) -> Misread {
        Misread { what: what.to_owned(), at: self.at, help: help.to_owned() }
    }
}
