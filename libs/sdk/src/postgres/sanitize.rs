//! Statements without what customers said.

use super::token::{Kind, Token, tokens};

/// Most bytes of a statement that are looked at; what is behind them is left out.
const MOST_READ: usize = 64 << 10;
/// Most bytes that are shown.
const MOST_SHOWN: usize = 4 << 10;

/// The tokens of a statement, as far as it is looked at.
pub(super) fn read(statement: &str) -> Vec<Token<'_>> {
    tokens(statement.get(..statement.floor_char_boundary(MOST_READ)).unwrap_or_default())
}

/// A statement with `?` in place of each literal, on one line, without comments; `IN` lists are shown as `(?)`.
/// Parameters (`$1`) and names stay. Where the end of a literal is missing or in doubt, the rest is left out.
///
/// ```
/// let statement = "SELECT name FROM customers -- by phone\n WHERE phone = '+15550100' AND tier IN (1, 2)";
/// assert_eq!(
///     throughline_sdk::postgres::sanitize(statement),
///     "SELECT name FROM customers WHERE phone = ? AND tier IN (?)",
/// );
/// ```
pub fn sanitize(statement: &str) -> String {
    show(&read(statement))
}

pub(super) fn show(tokens: &[Token<'_>]) -> String {
    let mut shown = String::new();
    let mut left = tokens;
    while let [token, rest @ ..] = left {
        left = rest;
        let piece = match token.kind {
            Kind::Literal => "?",
            Kind::Space if shown.is_empty() || shown.ends_with(' ') => "",
            Kind::Space => " ",
            Kind::Word | Kind::Quoted | Kind::Parameter | Kind::Mark => token.text,
        };
        if shown.len() + piece.len() > MOST_SHOWN {
            shown.push_str("...");
            break;
        }
        shown.push_str(piece);
        if token.is("IN")
            && let Some(behind) = list(rest)
        {
            shown.push_str(" (?)");
            left = behind;
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// What stands behind a list of nothing but values.
fn list<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let mut left = tokens;
    while let [Token { kind: Kind::Space, .. }, rest @ ..] = left {
        left = rest;
    }
    let [open, rest @ ..] = left else { return None };
    let is_value = |token: &Token<'_>| matches!(token.kind, Kind::Literal | Kind::Parameter);
    let is_between =
        |token: &Token<'_>| token.kind == Kind::Space || [",", "-", "+"].iter().any(|mark| token.is(mark));
    let end = rest.iter().position(|token| !is_value(token) && !is_between(token)).unwrap_or(rest.len());
    let (values, behind) = rest.split_at_checked(end)?;
    let is_closed = behind.first().is_none_or(|token| token.is(")"));
    (open.is("(") && is_closed && values.iter().any(is_value)).then(|| behind.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
