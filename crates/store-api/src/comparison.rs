//! How one value is compared with what somebody asked for. The search box and [`find`](crate::find) share it.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::value::Value;

/// Bytes that a compiled regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// What must hold for a value.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// Text in any case, with `*` for anything; what is not text as it is written.
    Like(Pattern),
    /// Ends included or not; text counts where it is a number.
    Within(Bound, Bound),
    /// The same type and value; an integer and a fraction may be equal.
    Is(Value),
    /// Written so, whatever its type.
    Written(String),
    /// Text that fits from its first character to its last.
    Fits(Expression),
}

/// One end of a range.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bound {
    Open,
    Included(f64),
    Excluded(f64),
}

/// Text with `*` for anything, in small letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// What stands between the stars.
    parts: Vec<String>,
}

/// A regular expression for the whole of a text.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

impl Test {
    /// Text with this in it, in any case.
    pub fn contains(text: &str) -> Self {
        let parts = ["", &text.to_lowercase(), ""].map(str::to_owned).to_vec();
        Self::Like(Pattern { parts })
    }

    /// In the syntax of RE2; what is wrong with it, in a line.
    pub fn regex(text: &str) -> Result<Self, String> {
        let whole = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(REGEX_BYTES).build();
        match whole {
            Ok(regex) => Ok(Self::Fits(Expression(regex))),
            Err(regex::Error::CompiledTooBig(_)) => Err("it is too large".to_owned()),
            Err(error) => Err(error.to_string().lines().last().unwrap_or_default().to_owned()),
        }
    }

    /// Of each element of an array.
    pub fn fits(&self, value: &Value) -> bool {
        match value {
            Value::Array(values) => values.iter().any(|value| self.fits(value)),
            Value::String(text) => self.fits_text(text),
            Value::Int(number) => match self {
                Self::Is(Value::Int(wanted)) => wanted == number,
                Self::Like(_) | Self::Written(_) => self.fits_text(&number.to_string()),
                _ => self.fits_number(*number as f64),
            },
            Value::Double(number) => match self {
                Self::Like(_) | Self::Written(_) => self.fits_text(&number.to_string()),
                _ => self.fits_number(*number),
            },
            Value::Bool(truth) => match self {
                Self::Is(wanted) => *wanted == Value::Bool(*truth),
                Self::Like(_) | Self::Written(_) => self.fits_text(if *truth { "true" } else { "false" }),
                _ => false,
            },
            Value::Empty | Value::Bytes(_) | Value::Map(_) => false,
        }
    }

    pub fn fits_text(&self, text: &str) -> bool {
        match self {
            Self::Like(pattern) => pattern.fits(text),
            // Some instrumentations write numbers as text.
            Self::Within(..) => text.parse().is_ok_and(|number| self.fits_number(number)),
            Self::Is(wanted) => wanted.as_str() == Some(text),
            Self::Written(wanted) => wanted == text,
            Self::Fits(Expression(regex)) => regex.is_match(text),
        }
    }

    pub fn fits_number(&self, number: f64) -> bool {
        match self {
            Self::Within(from, to) => from.is_below(number) && to.is_above(number),
            Self::Is(Value::Int(wanted)) => *wanted as f64 == number,
            Self::Is(Value::Double(wanted)) => *wanted == number,
            _ => false,
        }
    }

    /// Whether a number could fit of which no more is known than that it is not above this one.
    pub(crate) fn may_fit_below(&self, most: f64) -> bool {
        match self {
            Self::Within(from, _) => from.is_below(most),
            _ => true,
        }
    }
}

impl Bound {
    /// As the lower end of a range.
    fn is_below(self, number: f64) -> bool {
        match self {
            Self::Open => true,
            Self::Included(least) => number >= least,
            Self::Excluded(least) => number > least,
        }
    }

    /// As the upper end of a range.
    fn is_above(self, number: f64) -> bool {
        match self {
            Self::Open => true,
            Self::Included(most) => number <= most,
            Self::Excluded(most) => number < most,
        }
    }
}

impl Pattern {
    pub(crate) fn of(text: &str) -> Self {
        Self { parts: text.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    /// The only text that fits, where there is only one.
    pub(crate) fn whole(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [whole] => Some(whole),
            _ => None,
        }
    }

    /// Of text in any case.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let [first, between @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| *only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for part in between {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_knows_types() {
        let five = || Test::Is(Value::Int(5));
        let regex = |text| Test::regex(text).unwrap();
        let list = || Value::Array(vec!["a".into(), Value::Int(5)]);
        for (test, value, fits) in [
            (five(), Value::Int(5), true),
            (five(), Value::Double(5.0), true),
            (five(), "5".into(), false),
            (five(), list(), true),
            (Test::Is(Value::Double(0.5)), Value::Double(0.5), true),
            (Test::Is(Value::Int(i64::MAX)), Value::Int(i64::MAX - 1), false),
            (Test::Is("a*".into()), "ab".into(), false),
            (Test::Is("a".into()), "A".into(), false),
            (Test::Is(Value::Bool(true)), Value::Bool(true), true),
            (Test::Is(Value::Bool(true)), "true".into(), false),
            (Test::Written("5".to_owned()), Value::Int(5), true),
            (Test::Written("true".to_owned()), Value::Bool(true), true),
            (Test::Written("0.5".to_owned()), Value::Double(0.5), true),
            (Test::contains("B*"), "ab*c".into(), true),
            (Test::contains("B*"), "abc".into(), false),
            (regex("a|bc"), "bc".into(), true),
            (regex("a|bc"), "abc".into(), false),
            (regex(".*"), Value::Int(1), false),
            (Test::Within(Bound::Excluded(5.0), Bound::Open), "5.5".into(), true),
            (Test::Within(Bound::Excluded(5.0), Bound::Included(6.0)), Value::Int(5), false),
            (five(), Value::Empty, false),
        ] {
            assert_eq!(test.fits(&value), fits, "{test:?} {value:?}");
        }
    }

    #[test]
    fn a_wrong_expression_says_why() {
        assert_eq!(Test::regex("a(").unwrap_err(), "error: unclosed group");
        assert_eq!(Test::regex("(a{1000}){1000}").unwrap_err(), "it is too large");
    }
}
