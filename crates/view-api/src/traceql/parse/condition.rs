//! What stands in braces.

use std::time::Duration;

use flow::config::GoDuration;
use store_api::comparison::Bound;
use store_api::find::{Condition, Field};
use store_api::{Misread, Test, Value};

use super::{DEEPEST, Parser, What, field};
use crate::traceql::number;

/// What a field is compared with.
enum Literal {
    Nil,
    Text(String),
    Number(Value),
    Truth(bool),
    /// Of `status` or `kind`.
    Keyword(&'static str),
}

enum Operand {
    Field(Field),
    Literal(Literal),
}

const COMPARISONS: [&str; 8] = ["=", "!=", "=~", "!~", ">", ">=", "<", "<="];
const STATUSES: [&str; 3] = ["ok", "error", "unset"];
const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

impl Parser<'_> {
    pub(super) fn braces(&mut self, depth: usize) -> Result<Condition, Misread> {
        self.expect("{")?;
        if self.takes("}") {
            return Ok(Condition::TRUE);
        }
        let condition = self.condition(depth)?;
        self.expect("}")?;
        Ok(condition)
    }

    /// `&&` and `||` bind alike and from the left, as Tempo has it.
    fn condition(&mut self, depth: usize) -> Result<Condition, Misread> {
        let mut left = self.not(depth)?;
        loop {
            if self.takes("&&") {
                left = Condition::All(vec![left, self.not(depth)?]);
            } else if self.takes("||") {
                left = Condition::Any(vec![left, self.not(depth)?]);
            } else {
                return Ok(left);
            }
        }
    }

    fn not(&mut self, depth: usize) -> Result<Condition, Misread> {
        if depth > DEEPEST {
            return Err(self.wrong("too much within each other", "write it flatter"));
        }
        if self.takes("!") {
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.takes("(") {
            let inner = self.condition(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Misread> {
        self.one_more()?;
        let left = self.operand()?;
        let sign = match self.peek() {
            What::Sign(sign) => COMPARISONS.into_iter().find(|known| known == sign),
            What::Word(word) if word.starts_with(['+', '-', '*', '/', '%']) => {
                return Err(self.wrong("calculations are not supported", "compare one field with one value"));
            }
            _ => None,
        };
        let Some(sign) = sign else {
            return match left {
                Operand::Literal(Literal::Truth(true)) => Ok(Condition::TRUE),
                Operand::Literal(Literal::Truth(false)) => Ok(Condition::Any(Vec::new())),
                Operand::Field(field) => Ok(Condition::is(field, true)),
                Operand::Literal(_) => Err(self.unexpected(&format!("one of {}", COMPARISONS.join(" ")))),
            };
        };
        self.advance();
        let at = self.tokens;
        let right = self.operand()?;
        let compared = match (left, right) {
            (Operand::Field(field), Operand::Literal(literal)) => compared(field, sign, literal),
            (Operand::Literal(literal), Operand::Field(field)) => compared(field, turned(sign), literal),
            (Operand::Field(_), Operand::Field(_)) => Err("two fields cannot be compared".to_owned()),
            (Operand::Literal(_), Operand::Literal(_)) => Err("no field is compared".to_owned()),
        };
        compared.map_err(|what| {
            self.tokens = at;
            self.wrong(
                &what,
                "compare as in `.a = 1`, `name =~ \"a.*\"`, `status = error` or `duration > 40ms`",
            )
        })
    }

    fn operand(&mut self) -> Result<Operand, Misread> {
        let (operand, shown) = match self.peek() {
            What::Text(text) => (Operand::Literal(Literal::Text(text.clone())), None),
            What::Word(word) => match (literal(word), field::named(word)) {
                (Some(literal), _) => (Operand::Literal(literal), None),
                (None, Some(named)) => (Operand::Field(named.field.clone()), Some(named)),
                (None, None) => return Err(self.unknown(&word.clone())),
            },
            _ => return Err(self.unexpected("a field, a value, `!` or `(`")),
        };
        shown.iter().for_each(|named| self.show(named));
        self.advance();
        Ok(operand)
    }

    /// The number that stands here; durations in nanoseconds.
    pub(super) fn number(&mut self) -> Result<f64, Misread> {
        let number = match self.peek() {
            What::Word(word) => match literal(word) {
                Some(Literal::Number(Value::Int(number))) => Some(number as f64),
                Some(Literal::Number(Value::Double(number))) => Some(number),
                _ => None,
            },
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected("a number or a duration"))?;
        self.advance();
        Ok(number)
    }
}

/// The same comparison from the other side.
fn turned(sign: &'static str) -> &'static str {
    match sign {
        ">" => "<",
        ">=" => "<=",
        "<" => ">",
        "<=" => ">=",
        same => same,
    }
}

fn compared(field: Field, sign: &str, literal: Literal) -> Result<Condition, String> {
    let has = || Condition::Has(field.clone());
    let positive = match (sign, literal) {
        ("=", Literal::Nil) => return Ok(Condition::Not(Box::new(has()))),
        ("!=", Literal::Nil) => return Ok(has()),
        ("=" | "!=", Literal::Text(text)) => Test::Is(text.as_str().into()),
        ("=" | "!=", Literal::Truth(truth)) => Test::Is(truth.into()),
        ("=" | "!=", Literal::Number(value)) => Test::Is(value),
        ("=" | "!=", Literal::Keyword(word)) => {
            let known: &[&str] = match field {
                Field::Status => &STATUSES,
                Field::Kind => &KINDS,
                _ => return Err(format!("`{word}` is no text; put it in quotes")),
            };
            if !known.contains(&word) {
                return Err(format!("there is no `{word}` of this; there are {}", known.join(", ")));
            }
            Test::Is(word.into())
        }
        ("=~" | "!~", Literal::Text(text)) => {
            Test::regex(&text).map_err(|why| format!("not a regular expression: {why}"))?
        }
        ("=~" | "!~", _) => return Err("a regular expression stands in quotes".to_owned()),
        (_, Literal::Number(value)) => within(sign, number(&value).unwrap_or_default()),
        _ => return Err("only numbers and durations have an order".to_owned()),
    };
    let is = Condition::Is(field.clone(), positive);
    // What has no value is neither equal nor different.
    Ok(if sign.starts_with('!') { Condition::All(vec![has(), Condition::Not(Box::new(is))]) } else { is })
}

pub(super) fn within(sign: &str, number: f64) -> Test {
    match sign {
        ">" => Test::Within(Bound::Excluded(number), Bound::Open),
        ">=" => Test::Within(Bound::Included(number), Bound::Open),
        "<" => Test::Within(Bound::Open, Bound::Excluded(number)),
        "<=" => Test::Within(Bound::Open, Bound::Included(number)),
        _ => Test::Within(Bound::Included(number), Bound::Included(number)),
    }
}

fn literal(word: &str) -> Option<Literal> {
    match word {
        "true" => return Some(Literal::Truth(true)),
        "false" => return Some(Literal::Truth(false)),
        "nil" => return Some(Literal::Nil),
        _ => {}
    }
    if let Some(keyword) = STATUSES.into_iter().chain(KINDS).find(|known| *known == word) {
        return Some(Literal::Keyword(keyword));
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) && !is_fraction(digits) {
        return None;
    }
    let number = word.parse().map(Value::Int).ok();
    let number =
        number.or_else(|| word.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Double));
    number.or_else(|| duration(word).map(Value::Int)).map(Literal::Number)
}

/// `.5`, which is no attribute.
fn is_fraction(digits: &str) -> bool {
    digits
        .strip_prefix('.')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Nanoseconds; days, weeks and years of whole numbers besides what Go knows.
fn duration(word: &str) -> Option<i64> {
    if let Ok(read) = GoDuration::read(word) {
        return i64::try_from(read.get().as_nanos()).ok();
    }
    let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let days: u32 = match unit {
        "d" => 1,
        "w" => 7,
        "y" => 365,
        _ => return None,
    };
    let whole = Duration::from_secs(86_400).checked_mul(days)?.checked_mul(number.parse().ok()?)?;
    i64::try_from(whole.as_nanos()).ok()
}
