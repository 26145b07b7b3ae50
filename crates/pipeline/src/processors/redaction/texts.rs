//! One text, rewritten by the rules for values.

use super::mask::STARS;
use super::rules::{Action, Rule, Rules};
use super::sanitize::System;
use personal::{Kinds, Says, Scanner, may_hold};

/// Masking can bring together what stood apart; whoever does that on purpose loses the whole text.
const MOST_ROUNDS: usize = 4;

/// What became of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Clean,
    /// A pattern says that it stays.
    Allowed,
    /// See [`Texts::written`].
    Changed,
    /// What holds it is to go.
    Dropped,
}

/// Which rules a text is under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Under {
    /// Patterns for values.
    pub(super) patterns: bool,
    pub(super) kinds: Kinds,
    /// What the key says.
    pub(super) says: Says,
    pub(super) url: bool,
    pub(super) system: Option<System>,
}

impl Under {
    pub(super) fn with_system(self, system: Option<System>) -> Self {
        Self { system, ..self }
    }
}

/// Rewrites one text after the other; its buffers are reused.
pub(super) struct Texts<'r> {
    rules: &'r Rules,
    scanner: Scanner,
    now: String,
    next: String,
    /// Findings by rule.
    pub(super) counts: Vec<u64>,
}

impl<'r> Texts<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        let counts = vec![0; Rule::names(rules.blocked_values.len()).len()];
        Self { rules, scanner: Scanner::default(), now: String::new(), next: String::new(), counts }
    }

    /// Whether no rule can find anything in the text.
    #[inline]
    pub(super) fn is_quiet(&self, text: &[u8], under: &Under) -> bool {
        let by_rule = under.url || under.system.is_some() || (under.patterns && self.rules.patterns_matter());
        !by_rule && (under.kinds.is_empty() || !may_hold(text))
    }

    /// What the last text became.
    pub(super) fn written(&self) -> &str {
        &self.now
    }

    pub(super) fn count(&mut self, rule: Rule) {
        if let Some(count) = self.counts.get_mut(rule.index()) {
            *count += 1;
        }
    }

    /// Masks the whole text, unless a pattern allows it.
    pub(super) fn mask(&mut self, text: &str) -> Outcome {
        if self.rules.allowed_values.is_match(text) {
            return Outcome::Allowed;
        }
        self.count(Rule::BlockedKey);
        self.now.clear();
        self.rules.mask.write(text, &mut self.now);
        Outcome::Changed
    }

    pub(super) fn rewrite(&mut self, text: &str, under: &Under) -> Outcome {
        if under.patterns && self.rules.allowed_values.is_match(text) {
            return Outcome::Allowed;
        }
        self.now.clear();
        self.now.push_str(text);
        let mut changed = under.patterns && self.blocked_values();
        if under.url {
            changed |= self.sanitized(Rule::Url, super::sanitize::url);
        }
        if let Some(system) = under.system {
            changed |= self.sanitized(Rule::Database, |text, out| system.sanitize(text, out));
        }
        match self.detected(under) {
            None => Outcome::Dropped,
            Some(true) => Outcome::Changed,
            Some(false) if changed => Outcome::Changed,
            Some(false) => Outcome::Clean,
        }
    }

    /// Masks what the patterns match, each in what the ones before it left.
    fn blocked_values(&mut self) -> bool {
        let rules = self.rules;
        if rules.blocked_values.is_empty() || !rules.any_blocked.is_match(&self.now) {
            return false;
        }
        let mut changed = false;
        for (index, pattern) in rules.blocked_values.iter().enumerate() {
            self.next.clear();
            let mut copied = 0;
            for found in pattern.find_iter(&self.now) {
                self.next.push_str(self.now.get(copied..found.start()).unwrap_or_default());
                rules.mask.write(found.as_str(), &mut self.next);
                copied = found.end();
                if let Some(count) = self.counts.get_mut(Rule::BlockedValue(index).index()) {
                    *count += 1;
                }
                changed = true;
            }
            if copied > 0 || !self.next.is_empty() {
                self.next.push_str(self.now.get(copied..).unwrap_or_default());
                std::mem::swap(&mut self.now, &mut self.next);
            }
        }
        changed
    }

    fn sanitized(&mut self, rule: Rule, sanitize: impl FnOnce(&str, &mut String)) -> bool {
        self.next.clear();
        sanitize(&self.now, &mut self.next);
        let changed = self.now != self.next;
        if changed {
            std::mem::swap(&mut self.now, &mut self.next);
            self.count(rule);
        }
        changed
    }

    /// Masks until no detector finds anything. `None` where what was found is to be dropped.
    fn detected(&mut self, under: &Under) -> Option<bool> {
        let rules = self.rules;
        let detectors = &rules.detectors;
        for round in 0..=MOST_ROUNDS {
            let found = self.scanner.scan(under.kinds, &self.now, under.says);
            if found.is_empty() {
                return Some(round > 0);
            }
            for found in found {
                if let Some(count) = self.counts.get_mut(Rule::Detector(found.kind).index()) {
                    *count += 1;
                }
            }
            if found.iter().any(|found| detectors.action(found.kind) == Action::Drop) {
                return None;
            }
            if round == MOST_ROUNDS {
                break;
            }
            self.next.clear();
            let mut copied = 0;
            for found in self.scanner.found() {
                let range = found.range.clone();
                self.next.push_str(self.now.get(copied..range.start).unwrap_or_default());
                match &detectors.pseudonym {
                    Some(pseudonym) if detectors.action(found.kind) == Action::Hash => {
                        pseudonym.write(found.kind, self.scanner.said(&self.now, found), &mut self.next);
                    }
                    _ => self.next.push_str(STARS),
                }
                copied = range.end;
            }
            self.next.push_str(self.now.get(copied..).unwrap_or_default());
            std::mem::swap(&mut self.now, &mut self.next);
        }
        self.now.replace_range(.., STARS);
        Some(true)
    }
}
