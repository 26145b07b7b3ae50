//! One thing wrong with a configuration, or advice on it.

use std::fmt;

use super::node::{Key, Mark, Node};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// `run` would fail.
    Error,
    /// Works, but not as one would wish.
    Advice,
}

/// What `throughline validate` prints one of for each problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub mark: Mark,
    /// `processors::batch::timeout`
    pub path: String,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Finding {
    pub fn error(at: &Node, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, at, message)
    }

    pub fn advice(at: &Node, message: impl Into<String>) -> Self {
        Self::new(Severity::Advice, at, message)
    }

    /// For what no value stands for: a key, a whole file.
    pub fn error_at(mark: Mark, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, mark, path: path.into(), message: message.into(), help: None }
    }

    /// For a key that means nothing where it stands.
    pub fn unknown_key(key: &Key, path: &str, known: &[&str]) -> Self {
        let finding = Self::error_at(key.mark.clone(), path, "unknown key");
        match closest(&key.name, known.iter().copied()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None if known.is_empty() => finding.help("there are no keys here"),
            None => finding.help(format!("the keys here are {}", known.join(", "))),
        }
    }

    fn new(severity: Severity, at: &Node, message: impl Into<String>) -> Self {
        Self { severity, ..Self::error_at(at.mark.clone(), at.path.clone(), message) }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Advice => "advice",
        };
        write!(f, "{}: {word}: ", self.mark)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The known name that a misspelt one most likely meant.
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name)
}

/// Edits between two short names (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut above_left = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let here = (above_left + usize::from(x != y)).min(left + 1).min(*slot + 1);
            above_left = *slot;
            *slot = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        let known = ["endpoint", "timeout", "headers"];
        assert_eq!(closest("endpont", known), Some("endpoint"));
        assert_eq!(closest("time_out", known), Some("timeout"));
        assert_eq!(closest("colour", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
