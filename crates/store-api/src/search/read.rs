//! From text to terms. Total: any text is a search, or a [`Misread`] with its place.

use std::str::FromStr;

use flow::config::GoDuration;

use super::{Amount, Bound, Key, Misread, Name, Pattern, Search, Term, Test};
use crate::stage::Stage;

/// Longest search, in bytes; most parentheses and `NOT`s within each other; most terms.
const LONGEST: usize = 4096;
const DEEPEST: usize = 32;
const MOST: usize = 64;

const OPERATORS: [&str; 6] = ["!=", ">=", "<=", ">", "<", "="];

impl FromStr for Search {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        if text.len() > LONGEST {
            let what = format!("a search of {} bytes", text.len());
            return Err(Misread { what, at: 1, help: format!("up to {LONGEST} are read") });
        }
        let mut reader = Reader { text, at: 0, terms: 0 };
        let root = reader.any(0)?;
        match reader.peek() {
            None => Ok(Self { root }),
            Some(_) => Err(reader.wrong("a `)` that closes nothing", "take it away, or open it with `(`")),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    terms: usize,
}

/// A word and how it was written.
struct Word<'t> {
    text: &'t str,
    quoted: bool,
}

impl<'t> Reader<'t> {
    fn any(&mut self, depth: usize) -> Result<Term, Misread> {
        let mut ways = vec![self.all(depth)?];
        while self.takes("OR") {
            ways.push(self.all(depth)?);
        }
        Ok(one_or(ways, Term::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Term, Misread> {
        let mut terms = vec![self.not(depth)?];
        loop {
            let and = self.takes("AND");
            let more = self.peek().is_some_and(|next| next != ')') && !self.sees("OR");
            if !and && !more {
                return Ok(one_or(terms, Term::All));
            }
            terms.push(self.not(depth)?);
        }
    }

    fn not(&mut self, depth: usize) -> Result<Term, Misread> {
        if depth > DEEPEST {
            return Err(self.wrong("too much within each other", "write it flatter"));
        }
        let minus =
            self.peek() == Some('-') && self.rest().chars().nth(1).is_some_and(|next| !next.is_whitespace());
        if minus {
            self.at += 1;
        }
        if minus || self.takes("NOT") {
            return Ok(Term::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.peek() == Some('(') {
            let opened = self.at;
            self.at += 1;
            let inner = self.any(depth + 1)?;
            if self.peek() != Some(')') {
                self.at = opened;
                return Err(
                    self.wrong("a `(` that is not closed", "close it with `)`, or put the text in quotes")
                );
            }
            self.at += 1;
            return Ok(inner);
        }
        self.term()
    }

    fn term(&mut self) -> Result<Term, Misread> {
        self.terms += 1;
        if self.terms > MOST {
            return Err(self.wrong(&format!("more than {MOST} terms"), "search for less at once"));
        }
        self.peek();
        let began = self.at;
        let word = self.word(true)?;
        let operator = OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator));
        let Some(operator) = operator.filter(|_| !word.quoted) else {
            if word.text.is_empty() {
                return Err(self.wrong("a term is missing", "write a word, or as in `queue=billing`"));
            }
            return Ok(Term::Word { lower: word.text.to_lowercase(), exact: word.text.to_owned() });
        };
        if word.text.is_empty() {
            self.at = began;
            let help = "write as in `queue=billing`; put text that begins so in quotes";
            return Err(self.wrong(&format!("nothing stands before `{operator}`"), help));
        }
        self.at += operator.len();
        let valued = self.at;
        let value = self.word(false)?;
        if value.text.is_empty() && !value.quoted {
            let help = format!("write as in `{}{operator}value`", word.text);
            return Err(self.wrong(&format!("nothing stands behind `{operator}`"), &help));
        }
        compared(word.text, operator, &value).map_err(|(what, help)| {
            self.at = valued;
            self.wrong(&what, &help)
        })
    }

    /// Up to a blank, a parenthesis or, in a key, an operator; or what stands in quotes.
    fn word(&mut self, key: bool) -> Result<Word<'t>, Misread> {
        if self.rest().starts_with('"') {
            let inner = self.rest().get(1..).unwrap_or_default();
            let Some(end) = inner.find('"') else {
                return Err(self.wrong("a quote that is not closed", "close it with `\"`"));
            };
            self.at += end + 2;
            return Ok(Word { text: inner.get(..end).unwrap_or_default(), quoted: true });
        }
        let ends = |c: char| c.is_whitespace() || "()\"".contains(c) || (key && "=<>".contains(c));
        let mut end = 0;
        for (at, c) in self.rest().char_indices() {
            let differs = || self.rest().get(at..).unwrap_or_default().starts_with("!=");
            if ends(c) || (key && c == '!' && differs()) {
                break;
            }
            end = at + c.len_utf8();
        }
        let text = self.rest().get(..end).unwrap_or_default();
        self.at += end;
        Ok(Word { text, quoted: false })
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character behind blanks.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn sees(&mut self, word: &str) -> bool {
        self.peek();
        let after = self.rest().strip_prefix(word);
        after.is_some_and(|after| after.chars().next().is_none_or(|c| c.is_whitespace() || "()".contains(c)))
    }

    fn takes(&mut self, word: &str) -> bool {
        let sees = self.sees(word);
        if sees {
            self.at += word.len();
        }
        sees
    }

    fn wrong(&self, what: &str, help: &str) -> Misread {
        let at = self.text.get(..self.at).unwrap_or(self.text).chars().count() + 1;
        Misread { what: what.to_owned(), at, help: help.to_owned() }
    }
}

fn one_or(mut terms: Vec<Term>, several: fn(Vec<Term>) -> Term) -> Term {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            several(terms)
        }
    }
}

/// What is wrong, and how to write it.
type Wrong = (String, String);

fn compared(key: &str, operator: &str, value: &Word<'_>) -> Result<Term, Wrong> {
    let ordered = operator.starts_with(['<', '>']);
    let range = value.text.split_once("..").filter(|_| !value.quoted && !ordered);
    let key = keyed(key, ordered || range.is_some_and(|(from, to)| is_range(from, to)));
    let test = match (&key, range) {
        (Key::Name(Name::Stage), _) => stage(value.text)?,
        (Key::Name(Name::Running), _) => truth(operator, value.text)?,
        (Key::Name(_), _) if ordered => {
            return Err((
                "names have no order".into(),
                "compare with `=` or `!=`; `duration`, `waited`, `hold` … are amounts".into(),
            ));
        }
        (Key::Name(_), _) => Test::Like(Pattern::of(value.text)),
        (Key::Amount(amount), Some((from, to))) => {
            Test::Within(amounts(*amount, from)?, amounts(*amount, to)?)
        }
        (Key::Amount(amount), None) => within(operator, amount_of(*amount, value.text)?),
        (Key::Attribute(_), None) if ordered => within(operator, bound(value.text)?),
        (Key::Attribute(_), Some((from, to))) if is_range(from, to) => Test::Within(end(from)?, end(to)?),
        (Key::Attribute(_), _) => Test::Like(Pattern::of(value.text)),
    };
    let term = Term::Is(key, test);
    Ok(if operator == "!=" { Term::Not(Box::new(term)) } else { term })
}

/// `queue` is the name of a queue, and with an amount behind it the time in that stage.
fn keyed(key: &str, ordered: bool) -> Key {
    let lower = key.to_ascii_lowercase();
    if ordered && let Ok(stage) = lower.parse::<Stage>() {
        return Key::Amount(Amount::In(stage));
    }
    let name = Name::ALL.into_iter().find(|(known, _)| *known == lower).map(|(_, name)| Key::Name(name));
    let amount = || Amount::ALL.into_iter().find(|(known, _)| *known == lower);
    let stage = || lower.parse().ok().map(|stage| Key::Amount(Amount::In(stage)));
    name.or_else(|| amount().map(|(_, amount)| Key::Amount(amount)))
        .or_else(stage)
        .unwrap_or_else(|| Key::Attribute(key.to_owned()))
}

fn stage(text: &str) -> Result<Test, Wrong> {
    let known = || Stage::ALL.map(Stage::name).join(", ");
    if !text.contains('*') && text.to_ascii_lowercase().parse::<Stage>().is_err() {
        return Err((format!("there is no stage `{text}`"), format!("there are {}", known())));
    }
    Ok(Test::Like(Pattern::of(text)))
}

fn truth(operator: &str, text: &str) -> Result<Test, Wrong> {
    let known = ["true", "false"].into_iter().find(|word| word.eq_ignore_ascii_case(text));
    match known.filter(|_| matches!(operator, "=" | "!=")) {
        Some(word) => Ok(Test::Like(Pattern::of(word))),
        None => Err((
            format!("`running{operator}{text}` is neither true nor false"),
            "write `running=true`, or `running=false` for what has ended".into(),
        )),
    }
}

fn within(operator: &str, number: f64) -> Test {
    match operator {
        ">" => Test::Within(Bound::Excluded(number), Bound::Open),
        ">=" => Test::Within(Bound::Included(number), Bound::Open),
        "<" => Test::Within(Bound::Open, Bound::Excluded(number)),
        "<=" => Test::Within(Bound::Open, Bound::Included(number)),
        _ => Test::Within(Bound::Included(number), Bound::Included(number)),
    }
}

/// One end of a range, which may be left out.
fn amounts(amount: Amount, text: &str) -> Result<Bound, Wrong> {
    if text.is_empty() { Ok(Bound::Open) } else { amount_of(amount, text).map(Bound::Included) }
}

fn amount_of(amount: Amount, text: &str) -> Result<f64, Wrong> {
    if amount.is_time() {
        return nanoseconds(text).ok_or_else(|| {
            (format!("`{text}` is not a duration"), "write it as in `30s`, `200ms` or `1m30s`".into())
        });
    }
    number(text).ok_or_else(|| (format!("`{text}` is not a number"), "write it as in `errors>0`".into()))
}

fn end(text: &str) -> Result<Bound, Wrong> {
    if text.is_empty() { Ok(Bound::Open) } else { bound(text).map(Bound::Included) }
}

/// Of an attribute: it alone knows its unit.
fn bound(text: &str) -> Result<f64, Wrong> {
    number(text).ok_or_else(|| {
        (
            format!("`{text}` is not a number"),
            "attributes are compared as numbers; compare text with `=`".into(),
        )
    })
}

/// Whether both ends of a range are amounts, or left out; at least one is there.
fn is_range(from: &str, to: &str) -> bool {
    let fits = |text: &str| text.is_empty() || number(text).is_some() || nanoseconds(text).is_some();
    fits(from) && fits(to) && !(from.is_empty() && to.is_empty())
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn nanoseconds(text: &str) -> Option<f64> {
    Some(GoDuration::read(text).ok()?.get().as_nanos() as f64)
}
