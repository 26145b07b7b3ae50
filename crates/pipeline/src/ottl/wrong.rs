//! What is wrong with a statement, and where in it.

use std::ops::Range;

use flow::config::{Finding, Node, Severity};

/// One thing wrong with a statement or a condition, or advice on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    pub severity: Severity,
    /// Bytes of the text.
    pub at: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl Wrong {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at, message: message.into(), help: None }
    }

    pub(super) fn advice(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Advice, ..Self::new(at, message) }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a finding on the text that stands at `node`: the message, the place within the text, and the line with the
    /// place marked. A text that came from a variable may be a secret, and is not shown.
    pub fn finding(&self, node: &Node, text: &str) -> Finding {
        let place = Place::of(text, &self.at);
        let several = text.trim_end().contains('\n');
        let line = if several { format!("line {}, ", place.line) } else { String::new() };
        let mut message = format!("{}, at {line}column {}", self.message, place.column);
        if node.written.is_none() {
            message = format!("{message}:\n    {}\n    {}", place.text, place.mark);
        }
        let finding = match self.severity {
            Severity::Error => Finding::error(node, message),
            Severity::Advice => Finding::advice(node, message),
        };
        match &self.help {
            Some(help) => finding.help(help.clone()),
            None => finding,
        }
    }
}

/// A place in a text as people count: lines and characters from 1.
struct Place {
    line: usize,
    column: usize,
    /// The line, or the part of a long one around the place.
    text: String,
    /// Carets below it.
    mark: String,
}

/// Characters that are shown on either side of a place in a long line.
const AROUND: usize = 60;

impl Place {
    fn of(text: &str, at: &Range<usize>) -> Self {
        let before = text.get(..at.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let whole = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        let marked =
            text.get(at.clone()).unwrap_or_default().lines().next().unwrap_or_default().chars().count();
        let skipped = column.saturating_sub(AROUND);
        let mut shown = String::from(if skipped > 0 { "…" } else { "" });
        let lead = shown.chars().count();
        let room = column - skipped + marked.min(AROUND) + AROUND;
        shown.extend(whole.chars().skip(skipped).take(room).map(|c| if c.is_control() { ' ' } else { c }));
        if whole.chars().count() > skipped + room {
            shown.push('…');
        }
        let blank = " ".repeat(lead + column - skipped);
        let mark = format!("{blank}{}", "^".repeat(marked.clamp(1, AROUND)));
        Self { line, column: column + 1, text: shown, mark }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn report(text: &str, at: Range<usize>, expected: Expect) {
        let node = Node::load("c.yaml", "x").unwrap();
        expected
            .assert_eq(&Wrong::new(at, "it is odd").help("make it even").finding(&node, text).to_string());
    }

    #[test]
    fn the_place_is_marked() {
        report(
            "not Odd(name)",
            4..7,
            expect![[r#"
            c.yaml:1:1: error: it is odd, at column 5:
                not Odd(name)
                    ^^^
              help: make it even"#]],
        );
        report(
            "a ==\n\tmöglich(b)\n",
            14..15,
            expect![[r#"
            c.yaml:1:1: error: it is odd, at line 2, column 9:
                 möglich(b)
                        ^
              help: make it even"#]],
        );
        report(
            "a",
            1..1,
            expect![[r#"
            c.yaml:1:1: error: it is odd, at column 2:
                a
                 ^
              help: make it even"#]],
        );
    }

    #[test]
    fn a_long_line_is_cut() {
        let text = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let place = Place::of(&text, &(500..504));
        assert_eq!((place.line, place.column), (1, 501));
        assert_eq!(place.text, format!("…{}HERE{}…", "a".repeat(60), "b".repeat(60)));
        assert_eq!(place.mark, format!("{}^^^^", " ".repeat(61)));
    }

    #[test]
    fn a_text_from_a_variable_is_not_shown() {
        let mut node = Node::load("c.yaml", "x").unwrap();
        node.written = Some("${env:X}".into());
        let finding = Wrong::new(0..2, "it is odd").finding(&node, "secret");
        assert_eq!(finding.message, "it is odd, at column 1");
    }
}
