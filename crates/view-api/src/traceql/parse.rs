//! From tokens to a query.

mod condition;
mod stage;

use store_api::Misread;
use store_api::find::{Related, Relation, Spans};

use super::lex::{Token, What, tokens};
use super::{Named, Query, field};

/// Most parentheses within each other; most comparisons, and most stages.
const DEEPEST: usize = 32;
const MOST: usize = 64;
/// Most fields that an answer shows.
const SHOWN: usize = 32;

pub(super) fn query(text: &str) -> Result<Query, Misread> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, fields: Vec::new(), terms: 0 };
    let spans = parser.spans(0)?;
    let (stages, metric) = parser.stages()?;
    parser.hints()?;
    match parser.peek() {
        What::End => Ok(Query { spans, stages, metric, fields: parser.fields }),
        _ => Err(parser.unexpected("`|` and a stage, or the end")),
    }
}

struct Parser<'t> {
    /// The last one is `End` and stays.
    tokens: &'t [Token],
    fields: Vec<Named>,
    terms: usize,
}

/// How `&&`, `||` and what lies between spans bind: the first two alike and from the left, as Tempo has it.
impl Parser<'_> {
    fn spans(&mut self, depth: usize) -> Result<Spans, Misread> {
        let mut left = self.related(depth)?;
        loop {
            if self.takes("&&") {
                left = Spans::Both(Box::new(left), Box::new(self.related(depth)?));
            } else if self.takes("||") {
                left = Spans::Either(Box::new(left), Box::new(self.related(depth)?));
            } else {
                return Ok(left);
            }
        }
    }

    fn related(&mut self, depth: usize) -> Result<Spans, Misread> {
        let mut first = self.primary(depth)?;
        while let What::Sign(sign) = self.peek()
            && let Some((relation, negated, union)) = relation(sign)
        {
            self.advance();
            self.one_more()?;
            let second = self.primary(depth)?;
            first = Spans::Related(Box::new(Related { first, relation, second, negated, union }));
        }
        Ok(first)
    }

    fn primary(&mut self, depth: usize) -> Result<Spans, Misread> {
        if depth > DEEPEST {
            return Err(self.wrong("too much within each other", "write it flatter"));
        }
        if self.takes("(") {
            let spans = self.spans(depth + 1)?;
            if matches!(self.peek(), What::Sign("|")) {
                let help = "stages stand behind the whole, as in `({…} && {…}) | count() > 2`";
                return Err(self.wrong("stages within parentheses are not supported", help));
            }
            self.expect(")")?;
            return Ok(spans);
        }
        if !matches!(self.peek(), What::Sign("{")) {
            return Err(self.unexpected("`{ … }`, the spans that are meant"));
        }
        Ok(Spans::Where(self.braces(depth)?))
    }

    fn peek(&self) -> &What {
        self.tokens.first().map_or(&What::End, |token| &token.what)
    }

    fn advance(&mut self) {
        if let [_, rest @ ..] = self.tokens
            && !rest.is_empty()
        {
            self.tokens = rest;
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let takes = matches!(self.peek(), What::Sign(known) if *known == sign);
        if takes {
            self.advance();
        }
        takes
    }

    fn expect(&mut self, sign: &str) -> Result<(), Misread> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    /// One more comparison, relation or stage.
    fn one_more(&mut self) -> Result<(), Misread> {
        self.terms += 1;
        if self.terms > MOST {
            return Err(self.wrong(&format!("more than {MOST} terms"), "ask for less at once"));
        }
        Ok(())
    }

    /// The field that stands here.
    fn field(&mut self) -> Result<Named, Misread> {
        let What::Word(word) = self.peek() else {
            return Err(self.unexpected("the name of an attribute, as in `span.http.method`, or `duration`"));
        };
        let Some(named) = field::named(word) else { return Err(self.unknown(&word.clone())) };
        self.advance();
        self.show(&named);
        Ok(named)
    }

    fn show(&mut self, named: &Named) {
        if self.fields.len() < SHOWN && !self.fields.contains(named) {
            self.fields.push(named.clone());
        }
    }

    fn unknown(&self, word: &str) -> Misread {
        let intrinsics: Vec<&str> = field::INTRINSICS.iter().map(|(name, _)| *name).collect();
        let help = format!(
            "attributes are written `.{word}`, `span.{word}`, `resource.{word}`, `event.{word}`, `link.{word}` or \
             `instrumentation.{word}`; besides them there are {}",
            intrinsics.join(", ")
        );
        self.wrong(&format!("nothing is called `{word}`"), &help)
    }

    fn unexpected(&self, wanted: &str) -> Misread {
        let found = match self.peek() {
            What::Sign(sign) => format!("`{sign}`"),
            What::Word(word) => format!("`{word}`"),
            What::Text(_) => "text in quotes".to_owned(),
            What::End => "the end".to_owned(),
        };
        self.wrong(&format!("{found} stands here"), &format!("what can stand here: {wanted}"))
    }

    fn wrong(&self, what: &str, help: &str) -> Misread {
        let at = self.tokens.first().map_or(1, |token| token.at);
        Misread { what: what.to_owned(), at, help: help.to_owned() }
    }
}

/// How the second lies to the first, whether that must not be, and whether both are meant.
fn relation(sign: &str) -> Option<(Relation, bool, bool)> {
    let (negated, union) = (sign.starts_with('!'), sign.starts_with('&'));
    let relation = match sign.trim_start_matches(['!', '&']) {
        ">" => Relation::Child,
        ">>" => Relation::Descendant,
        "<" => Relation::Parent,
        "<<" => Relation::Ancestor,
        "~" => Relation::Sibling,
        _ => return None,
    };
    Some((relation, negated, union))
}
