//! The walk over one chunk: every field that the table of shapes names, spliced where a rule says so.

mod value;
mod named;

use std::collections::HashMap;
use std::mem::take;
use std::ops::Range;

use flow::otlp::splice::Splice;
use flow::otlp::view::{KeyValue, Value};
use flow::wire::{Field, fields_of, fields_within};

use super::audit::{Event, List, is_ours};
use super::rules::{Fate, Rule, Rules, Verdict};
use super::shape::{REPEATING, REQUEST, Role, Shape};
use super::texts::{Outcome, Texts, Under};
use crate::processors::attributes::value::readable;
use crate::processors::pair::Pair;

/// Keys whose verdict is kept; whoever sends more makes us judge again.
const MOST_KEYS: usize = 4096;

/// Goes over the chunks of one batch.
pub(super) struct Walk<'p> {
    rules: &'p Rules,
    /// Of the rules.
    names: &'p [String],
    texts: Texts<'p>,
    verdicts: HashMap<Box<str>, Verdict>,
    /// Every attribute is judged by its key.
    by_key: bool,
    /// Something is told in attributes.
    tells: bool,
    /// What a text is under of whose key nothing is known.
    all: Under,
    list: List,
    /// The counts that lists know of.
    told: Vec<u64>,
    edits: usize,
    /// A message of each repeating kind in which there was nothing to do.
    clean: [Vec<u8>; REPEATING],
    /// A value on its way to the splice.
    value: Vec<u8>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(rules: &'p Rules, names: &'p [String]) -> Self {
        let all = Under {
            patterns: true,
            kinds: rules.detectors.kinds(),
            says: Default::default(),
            url: false,
            system: None,
        };
        Self {
            rules,
            names,
            texts: Texts::new(rules),
            verdicts: HashMap::new(),
            by_key: rules.keys_matter(),
            tells: rules.tells(),
            all,
            list: List::default(),
            told: vec![0; names.len()],
            edits: 0,
            clean: Default::default(),
            value: Vec::new(),
        }
    }

    pub(super) fn chunk(&mut self, splice: &mut Splice<'_>) {
        let whole = 0..splice.source().len();
        self.message(splice, &REQUEST, whole);
    }

    /// Findings by rule.
    pub(super) fn counts(&self) -> &[u64] {
        &self.texts.counts
    }

    fn message(&mut self, splice: &mut Splice<'_>, shape: &'static Shape, within: Range<usize>) {
        let own = self.tells && shape.attributes > 0;
        let outer = if own { self.begin_list() } else { List::default() };
        for field in fields_within(splice.source(), within.clone()) {
            match shape.role(field.number) {
                Role::Nothing => {}
                Role::Attribute => self.attribute(splice, &field, &within),
                Role::Text(text) => self.named(splice, &field, text, &within),
                Role::Message(inner) => self.inner(splice, &field, inner),
            }
        }
        if own {
            self.end_list(splice, within.end, shape.attributes, outer);
        }
    }

    fn inner(&mut self, splice: &mut Splice<'_>, field: &Field<'_>, shape: &'static Shape) {
        if !(shape.usual || self.rules.everywhere) {
            return;
        }
        let known = shape.repeats.and_then(|kind| self.clean.get(kind));
        if known.is_some_and(|known| known == field.bytes()) {
            return;
        }
        let before = self.edits;
        splice.open(field);
        self.message(splice, shape, field.inner());
        splice.close();
        let known = shape.repeats.and_then(|kind| self.clean.get_mut(kind));
        if let Some(known) = known.filter(|_| self.edits == before) {
            known.clear();
            known.extend_from_slice(field.bytes());
        }
    }

    #[inline]
    fn attribute(&mut self, splice: &mut Splice<'_>, field: &Field<'_>, within: &Range<usize>) {
        let pair = Pair::read(field.bytes());
        if self.by_key || (self.tells && pair.key.starts_with(b"redaction.")) || !self.is_quiet(&pair) {
            self.judge(splice, field, &pair, within);
        }
    }

    /// Whether there is nothing to do about an attribute whatever its key is.
    #[inline]
    fn is_quiet(&self, pair: &Pair<'_>) -> bool {
        let value = match pair.text() {
            Some(text) => self.texts.is_quiet(text, &self.all),
            None => self.is_quiet_value(pair.value, &self.all, 0),
        };
        value && self.is_quiet_key(pair.key)
    }

    fn is_quiet_key(&self, key: &[u8]) -> bool {
        !self.rules.everywhere || self.texts.is_quiet(key, &Under { patterns: false, ..self.all })
    }

    fn judge(&mut self, splice: &mut Splice<'_>, field: &Field<'_>, pair: &Pair<'_>, within: &Range<usize>) {
        let key = pair.key();
        if self.tells && is_ours(key) && self.takes_over(splice, field, key, pair) {
            return;
        }
        let verdict = self.verdict(key);
        match verdict.fate {
            Fate::Ignored => self.list.note(self.rules, Event::Ignored, key),
            Fate::Removed => {
                self.texts.count(Rule::NotAllowed);
                self.list.note(self.rules, Event::Redacted, key);
                self.remove(splice, field);
            }
            Fate::Masked => match self.texts.mask(&readable(Value::new(pair.value))) {
                Outcome::Allowed => self.list.note(self.rules, Event::Allowed, key),
                _ => {
                    let written = self.texts.written().to_owned();
                    self.list.note(self.rules, Event::Masked, key);
                    self.put(splice, field, pair, key.as_bytes(), |out| {
                        flow::wire::put_len(out, 1, written.as_bytes());
                    });
                }
            },
            Fate::Scanned => {
                let system = verdict.database.then(|| {
                    let system = database(splice.source(), within, field.number);
                    self.rules.databases.language(key, system)
                });
                let under = self.under(&verdict).with_system(system.flatten());
                self.scan(splice, field, pair, &under);
            }
        }
    }

    fn scan(&mut self, splice: &mut Splice<'_>, field: &Field<'_>, pair: &Pair<'_>, under: &Under) {
        let mut value = take(&mut self.value);
        value.clear();
        let found = if self.is_quiet_value(pair.value, under, 0) {
            Outcome::Clean
        } else {
            self.write_value(pair.value, under, 0, &mut value)
        };
        let key = self.written_key(pair.key());
        match (found, key) {
            (Outcome::Dropped, _) | (_, Err(())) => {
                self.list.note(self.rules, Event::Redacted, pair.key());
                self.remove(splice, field);
            }
            (Outcome::Changed, key) => {
                let key = key.ok().flatten();
                let key = key.as_deref().unwrap_or(pair.key());
                self.list.note(self.rules, Event::Masked, key);
                self.put(splice, field, pair, key.as_bytes(), |out| out.extend_from_slice(&value));
            }
            (found, Ok(Some(key))) => {
                let event = if found == Outcome::Allowed { Event::Allowed } else { Event::Masked };
                self.list.note(self.rules, event, &key);
                self.put(splice, field, pair, key.as_bytes(), |out| out.extend_from_slice(pair.value));
            }
            (Outcome::Allowed, _) => self.list.note(self.rules, Event::Allowed, pair.key()),
            (Outcome::Clean, _) => {}
        }
        self.value = value;
    }

    /// The key without what is personal in it, where there is something; `Err` where the attribute is to go for it.
    fn written_key(&mut self, key: &str) -> Result<Option<String>, ()> {
        if self.is_quiet_key(key.as_bytes()) {
            return Ok(None);
        }
        match self.texts.rewrite(key, &Under { patterns: false, ..self.all }) {
            Outcome::Dropped => Err(()),
            Outcome::Changed => Ok(Some(self.texts.written().to_owned())),
            Outcome::Clean | Outcome::Allowed => Ok(None),
        }
    }

    fn verdict(&mut self, key: &str) -> Verdict {
        if let Some(known) = self.verdicts.get(key) {
            return *known;
        }
        let verdict = self.rules.verdict(key);
        if self.verdicts.len() >= MOST_KEYS {
            self.verdicts.clear();
        }
        self.verdicts.insert(key.into(), verdict);
        verdict
    }

    fn under(&self, verdict: &Verdict) -> Under {
        Under { kinds: verdict.kinds, says: verdict.says, url: verdict.url, ..self.all }
    }

    fn remove(&mut self, splice: &mut Splice<'_>, field: &Field<'_>) {
        self.edits += 1;
        splice.remove(field.start..field.end);
    }

    /// Writes an attribute anew.
    fn put(
        &mut self,
        splice: &mut Splice<'_>,
        field: &Field<'_>,
        pair: &Pair<'_>,
        key: &[u8],
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        self.edits += 1;
        splice.replace(field.start..field.end, |out| pair.put(field.number, key, value, out));
    }

    /// What an earlier processor told is told again, with what is added.
    fn takes_over(&mut self, splice: &mut Splice<'_>, field: &Field<'_>, key: &str, pair: &Pair<'_>) -> bool {
        let value = Value::new(pair.value);
        let changed = value.as_str().map(|text| self.texts.rewrite(text, &self.all));
        let written;
        let value = match changed {
            Some(Outcome::Changed) => {
                written = self.texts.written().to_owned();
                Value::String(&written)
            }
            Some(Outcome::Dropped) => Value::Empty,
            _ => value,
        };
        let taken = self.list.takes_over(self.rules, self.names, key, value);
        if taken {
            self.remove(splice, field);
        }
        taken
    }

    fn begin_list(&mut self) -> List {
        self.tell();
        take(&mut self.list)
    }

    fn end_list(&mut self, splice: &mut Splice<'_>, end: usize, number: u32, outer: List) {
        self.tell();
        if self.list.write(self.names, splice, end, number) {
            self.edits += 1;
        }
        self.list = outer;
    }

    /// Tells the list what was found since.
    fn tell(&mut self) {
        if self.rules.rule_counts {
            self.list.add_rules(&self.told, &self.texts.counts);
            self.told.clone_from(&self.texts.counts);
        }
    }
}

/// The database that a message's attributes name.
fn database<'s>(source: &'s [u8], within: &Range<usize>, number: u32) -> Option<&'s str> {
    let named = |name: &str| {
        let mut pairs = fields_of(source, within.clone(), number).map(|field| KeyValue::new(field.bytes()));
        pairs
            .find(|pair| pair.key == name)
            .and_then(|pair| pair.value.as_str())
            .filter(|name| !name.is_empty())
    };
    named("db.system.name").or_else(|| named("db.system"))
}
