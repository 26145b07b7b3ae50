//! Tokens to syntax. Where the collector's grammar is ambiguous or strict without need (`1-1`), this one is lenient.

use std::ops::Range;

use super::lexer::{Kind as Token, tokens};
use super::syntax::{Argument, Call, Comparison, Expr, Kind, Operator, Path, Statement};
use super::wrong::Wrong;

/// Parentheses, lists, calls and negations inside of each other.
pub const DEEPEST: usize = 48;

type Parsed<T> = Result<T, Wrong>;

pub(super) fn statement(text: &str) -> Parsed<Statement> {
    let mut parser = Parser::new(text)?;
    let editor = parser.editor()?;
    let condition = if parser.keyword("where") { Some(parser.condition()?) } else { None };
    parser.end("the statement")?;
    Ok(Statement { editor, condition })
}

pub(super) fn condition(text: &str) -> Parsed<Expr> {
    let mut parser = Parser::new(text)?;
    let condition = parser.condition()?;
    parser.end("the condition")?;
    Ok(condition)
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<super::lexer::Token>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Parsed<Self> {
        Ok(Self { text, tokens: tokens(text)?, at: 0, depth: 0 })
    }

    fn editor(&mut self) -> Parsed<Call> {
        let expr = self.primary()?;
        let at = expr.at.clone();
        match expr.kind {
            Kind::Call(call) if !call.keys.is_empty() => {
                Err(Wrong::new(at, "what an editor does has no keys").help("remove the square brackets"))
            }
            Kind::Call(call) => Ok(call),
            _ => Err(Wrong::new(at, "a statement begins with an editor").help(
                "such as `set(span.attributes[\"key\"], \"value\") where span.kind == SPAN_KIND_SERVER`",
            )),
        }
    }

    /// `or` binds least, then `and`, then `not`.
    fn condition(&mut self) -> Parsed<Expr> {
        self.chain("or", Kind::Or, |parser| parser.chain("and", Kind::And, Self::negation))
    }

    fn chain(
        &mut self,
        word: &str,
        join: fn(Vec<Expr>) -> Kind,
        next: impl Fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let first = next(self)?;
        if !self.is_keyword(word) {
            return Ok(first);
        }
        let start = first.at.start;
        let mut all = vec![first];
        while self.keyword(word) {
            all.push(next(self)?);
        }
        Ok(Expr { at: start..self.behind(), kind: join(all) })
    }

    fn negation(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        if !self.keyword("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        Ok(Expr { at: start..self.behind(), kind: Kind::Not(inner.into()) })
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.value()?;
        let Some(comparison) = self.operator(&COMPARISONS) else { return Ok(left) };
        let right = self.value()?;
        let at = left.at.start..self.behind();
        Ok(Expr { at, kind: Kind::Compare(comparison, Box::new((left, right))) })
    }

    fn value(&mut self) -> Parsed<Expr> {
        self.math(&SUMS, |parser| parser.math(&PRODUCTS, Self::signed))
    }

    fn math(
        &mut self,
        operators: &[(&str, Operator)],
        next: impl Fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let first = next(self)?;
        let start = first.at.start;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            rest.push((operator, next(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expr { at: start..self.behind(), kind: Kind::Math(first.into(), rest) })
    }

    fn signed(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        let Some(sign) = self.operator(&SUMS) else { return self.primary() };
        let inner = if let Token::Int(number) = *self.peek() {
            self.at += 1;
            let number = i128::from(number);
            self.int(start, if sign == Operator::Subtract { -number } else { number })?
        } else {
            let inner = self.deeper(Self::signed)?;
            match inner.kind {
                _ if sign == Operator::Add => inner,
                Kind::Double(number) => Expr { kind: Kind::Double(-number), ..inner },
                _ => Expr { at: inner.at.clone(), kind: Kind::Minus(inner.into()) },
            }
        };
        Ok(Expr { at: start..self.behind(), ..inner })
    }

    fn int(&self, start: usize, number: i128) -> Parsed<Expr> {
        let at = start..self.behind();
        let fits = i64::try_from(number);
        let number =
            fits.map_err(|_| Wrong::new(at.clone(), format!("`{number}` does not fit into 64 bits")))?;
        Ok(Expr { at, kind: Kind::Int(number) })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        let token = self.peek().clone();
        let kind = match token {
            Token::Text(text) => self.passing(Kind::Text(text)),
            Token::Bytes(bytes) => self.passing(Kind::Bytes(bytes)),
            Token::Double(number) => self.passing(Kind::Double(number)),
            Token::Int(number) => {
                self.at += 1;
                return self.int(start, number.into());
            }
            Token::Name(name) => self.named(name)?,
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.deeper(Self::condition)?;
                self.expect(")", start)?;
                return Ok(Expr { at: start..self.behind(), ..inner });
            }
            Token::Symbol("[") => {
                self.at += 1;
                Kind::List(self.list("]", start, Self::element)?)
            }
            Token::Symbol("{") => {
                self.at += 1;
                Kind::Map(self.list("}", start, Self::entry)?)
            }
            Token::Symbol(_) | Token::End => return Err(self.unexpected("a value")),
        };
        Ok(Expr { at: start..self.behind(), kind })
    }

    fn named(&mut self, name: String) -> Parsed<Kind> {
        let name_at = self.here();
        let start = name_at.start;
        match name.as_str() {
            "true" | "false" => return Ok(self.passing(Kind::Bool(name == "true"))),
            "nil" => return Ok(self.passing(Kind::Nil)),
            "and" | "or" | "not" | "where" => return Err(self.unexpected("a value")),
            _ => self.at += 1,
        }
        if self.symbol("(") {
            let arguments = self.list(")", start, Self::argument)?;
            let keys = self.keys()?;
            return Ok(Kind::Call(Call { name, name_at, arguments, keys, at: start..self.behind() }));
        }
        if name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ok(Kind::Word(name));
        }
        let mut path = Path { names: vec![(name, name_at)], keys: self.keys()? };
        while self.symbol(".") {
            let at = self.here();
            let Token::Name(name) = self.peek().clone() else {
                return Err(self.unexpected("the name of a field"));
            };
            self.at += 1;
            if let Some(key) = path.keys.first() {
                return Err(Wrong::new(key.at.clone(), "a key stands behind the last name of a path only"));
            }
            path.names.push((name, at));
            path.keys = self.keys()?;
        }
        Ok(Kind::Path(path))
    }

    fn keys(&mut self) -> Parsed<Vec<Expr>> {
        let mut keys = Vec::new();
        loop {
            let start = self.here().start;
            if !self.symbol("[") {
                return Ok(keys);
            }
            keys.push(self.deeper(Self::value)?);
            self.expect("]", start)?;
        }
    }

    fn element(&mut self) -> Parsed<Expr> {
        self.deeper(Self::value)
    }

    fn entry(&mut self) -> Parsed<(String, Expr)> {
        let Token::Text(key) = self.peek().clone() else {
            return Err(self.unexpected("a key in double quotes"));
        };
        self.at += 1;
        if !self.symbol(":") {
            return Err(self.unexpected("`:`"));
        }
        Ok((key, self.deeper(Self::value)?))
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let at = self.here();
        if let (Token::Name(name), Token::Symbol("=")) = (self.peek().clone(), self.ahead(1)) {
            self.at += 2;
            return Ok(Argument { name: Some((name, at)), value: self.deeper(Self::condition)? });
        }
        Ok(Argument { name: None, value: self.deeper(Self::condition)? })
    }

    /// Items with commas between them, up to `end`.
    fn list<T>(&mut self, end: &str, start: usize, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if self.symbol(end) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.symbol(end) {
                return Ok(items);
            }
            if !self.symbol(",") {
                self.expect(end, start)?;
            }
            if self.symbol(end) {
                return Ok(items);
            }
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            return Err(Wrong::new(self.here(), format!("this nests more than {DEEPEST} levels deep")));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn end(&self, what: &str) -> Parsed<()> {
        if *self.peek() == Token::End {
            return Ok(());
        }
        let wrong = self.unexpected(&format!("the end of {what}"));
        Err(match self.peek() {
            Token::Symbol("=") => wrong.help("two values are compared with `==`"),
            _ => wrong,
        })
    }

    fn expect(&mut self, symbol: &str, opened: usize) -> Parsed<()> {
        if self.symbol(symbol) {
            return Ok(());
        }
        let open = self.text.get(opened..).and_then(|rest| rest.split(char::is_whitespace).next());
        let open: String = open.unwrap_or_default().chars().take(20).collect();
        Err(self.unexpected(&format!("`{symbol}`, or what goes on behind `{open}`")))
    }

    fn unexpected(&self, wanted: &str) -> Wrong {
        let at = self.here();
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            _ => format!("`{}`", self.text.get(at.clone()).unwrap_or_default()),
        };
        Wrong::new(at, format!("expected {wanted}, found {found}"))
    }

    fn operator<T: Copy>(&mut self, operators: &[(&str, T)]) -> Option<T> {
        let Token::Symbol(symbol) = *self.peek() else { return None };
        let (_, operator) = operators.iter().find(|(known, _)| *known == symbol)?;
        self.at += 1;
        Some(*operator)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let is = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.at += usize::from(is);
        is
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name == word)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let is = self.is_keyword(word);
        self.at += usize::from(is);
        is
    }

    fn passing(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }

    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, tokens: usize) -> &Token {
        self.tokens.get(self.at + tokens).map_or(&Token::End, |token| &token.kind)
    }

    fn here(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.text.len()..self.text.len(), |token| token.at.clone())
    }

    /// Where the token before this one ends.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |token| token.at.end)
    }
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
];
const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: [(&str, Operator); 2] = [("*", Operator::Multiply), ("/", Operator::Divide)];

#[cfg(test)]
mod tests;
