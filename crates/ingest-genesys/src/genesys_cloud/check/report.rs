//! What was found: one line each.

use std::fmt;

use serde_json::{Value, json};

/// Longest text of a line's part: services, not we, write some of them.
const LONGEST: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Ok,
    /// To be known; nothing fails by it.
    Note,
    Fail,
}

/// One thing that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub verdict: Verdict,
    pub what: String,
    pub found: String,
    /// What to do; empty where nothing is, or where `found` says it.
    pub mend: String,
}

/// Everything that was tried, in order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Report {
    pub lines: Vec<Line>,
}

impl Report {
    pub fn ok(&mut self, what: &str, found: String) {
        self.push(Verdict::Ok, what, found, "");
    }

    pub fn note(&mut self, what: &str, found: String) {
        self.push(Verdict::Note, what, found, "");
    }

    pub fn fail(&mut self, what: &str, found: String, mend: &str) {
        self.push(Verdict::Fail, what, found, mend);
    }

    /// True where nothing fails.
    pub fn sound(&self) -> bool {
        self.lines.iter().all(|line| line.verdict != Verdict::Fail)
    }

    pub fn to_json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let mend = (!line.mend.is_empty()).then_some(&line.mend);
            json!({"verdict": line.verdict.word(), "what": line.what, "found": line.found, "mend": mend})
        });
        json!({"sound": self.sound(), "checks": lines.collect::<Vec<_>>()})
    }

    fn push(&mut self, verdict: Verdict, what: &str, found: String, mend: &str) {
        let line = Line { verdict, what: plain(what), found: plain(&found), mend: mend.to_owned() };
        self.lines.push(line);
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<4}  {}: {}", self.verdict.word(), self.what, self.found)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

/// One line, which no terminal takes for a command.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_stays_one_line() {
        let mut report = Report::default();
        report.fail("queues", format!("no\r\n\u{1b}[31m{}", "x".repeat(5000)), "do this");
        let text = report.to_string();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("FAIL  queues: no[31mxxx") && text.ends_with("x; do this\n"), "{text}");
        assert!(text.len() < 1100 && !report.sound());
    }
}
