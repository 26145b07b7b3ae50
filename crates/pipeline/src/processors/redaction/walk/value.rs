//! Values, and values in values.

use flow::otlp::view::Value;
use flow::wire::{Field, fields, put_len, put_nested};

use super::{Fate, Outcome, Pair, Under, Walk, readable};

const STRING: u32 = 1;
const ARRAY: u32 = 5;
const MAP: u32 = 6;
const BYTES: u32 = 7;
/// The door lets no more levels in.
const MOST_LEVELS: usize = 128;

impl Walk<'_> {
    /// Whether values inside lists and maps are looked at.
    fn nested(&self) -> bool {
        self.rules.everywhere || self.rules.all_types
    }

    /// Whether no rule can find anything in an `AnyValue`.
    pub(super) fn is_quiet_value(&self, raw: &[u8], under: &Under, level: usize) -> bool {
        fields(raw).all(|field| match field.number {
            STRING => self.texts.is_quiet(field.bytes(), under),
            BYTES => !self.rules.everywhere || self.texts.is_quiet(field.bytes(), under),
            ARRAY | MAP if !self.nested() || level > MOST_LEVELS => true,
            ARRAY => fields(field.bytes()).all(|item| self.is_quiet_value(item.bytes(), under, level + 1)),
            MAP => {
                !self.by_key
                    && fields(field.bytes()).all(|entry| {
                        let pair = Pair::read(entry.bytes());
                        self.is_quiet_key(pair.key) && self.is_quiet_value(pair.value, &self.all, level + 1)
                    })
            }
            _ => !self.rules.all_types,
        })
    }

    /// Writes an `AnyValue` without what the rules find in it.
    pub(super) fn write_value(
        &mut self,
        raw: &[u8],
        under: &Under,
        level: usize,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let mut outcome = Outcome::Clean;
        for field in fields(raw) {
            let found = match field.number {
                STRING => self.write_text(&field, field.text(), under, out),
                BYTES if self.rules.everywhere => match std::str::from_utf8(field.bytes()) {
                    Ok(text) => self.write_text(&field, text, under, out),
                    Err(_) => copy(raw, &field, out),
                },
                ARRAY if self.nested() && level <= MOST_LEVELS => {
                    put_nested(out, ARRAY, |out| self.write_items(field.bytes(), under, level, out))
                }
                MAP if self.nested() && level <= MOST_LEVELS => {
                    put_nested(out, MAP, |out| self.write_entries(field.bytes(), level, out))
                }
                2..=4 if self.rules.all_types => self.write_number(raw, &field, under, out),
                _ => copy(raw, &field, out),
            };
            outcome = match (outcome, found) {
                (_, Outcome::Dropped) => return Outcome::Dropped,
                (Outcome::Changed, _) | (_, Outcome::Changed) => Outcome::Changed,
                (Outcome::Allowed, _) | (_, Outcome::Allowed) => Outcome::Allowed,
                (Outcome::Clean, Outcome::Clean) | (Outcome::Dropped, _) => Outcome::Clean,
            };
        }
        outcome
    }

    fn write_text(&mut self, field: &Field<'_>, text: &str, under: &Under, out: &mut Vec<u8>) -> Outcome {
        let outcome = self.texts.rewrite(text, under);
        match outcome {
            Outcome::Changed => put_len(out, field.number, self.texts.written().as_bytes()),
            Outcome::Clean | Outcome::Allowed => put_len(out, field.number, text.as_bytes()),
            Outcome::Dropped => {}
        }
        outcome
    }

    /// A number or a boolean becomes text where something is found in it.
    fn write_number(&mut self, raw: &[u8], field: &Field<'_>, under: &Under, out: &mut Vec<u8>) -> Outcome {
        let whole = raw.get(field.start..field.end).unwrap_or_default();
        let text = readable(Value::new(whole)).into_owned();
        let outcome = self.texts.rewrite(&text, under);
        match outcome {
            Outcome::Changed => put_len(out, STRING, self.texts.written().as_bytes()),
            Outcome::Clean | Outcome::Allowed => out.extend_from_slice(whole),
            Outcome::Dropped => {}
        }
        outcome
    }

    fn write_items(&mut self, raw: &[u8], under: &Under, level: usize, out: &mut Vec<u8>) -> Outcome {
        let mut outcome = Outcome::Clean;
        let mut item = Vec::new();
        for field in fields(raw) {
            item.clear();
            match self.write_value(field.bytes(), under, level + 1, &mut item) {
                Outcome::Dropped => outcome = Outcome::Changed,
                found => {
                    put_len(out, field.number, &item);
                    outcome = either(outcome, found);
                }
            }
        }
        outcome
    }

    /// The keys of a map decide about its values, except that they need not be allowed.
    fn write_entries(&mut self, raw: &[u8], level: usize, out: &mut Vec<u8>) -> Outcome {
        let mut outcome = Outcome::Clean;
        let mut value = Vec::new();
        for field in fields(raw) {
            let pair = Pair::read(field.bytes());
            let verdict = self.verdict(pair.key());
            value.clear();
            let found = match verdict.inside {
                Fate::Ignored => copy_all(pair.value, &mut value),
                Fate::Masked => match self.texts.mask(&readable(Value::new(pair.value))) {
                    Outcome::Allowed => copy_all(pair.value, &mut value),
                    masked => {
                        put_len(&mut value, STRING, self.texts.written().as_bytes());
                        masked
                    }
                },
                _ => {
                    let under = self.under(&verdict);
                    self.write_value(pair.value, &under, level + 1, &mut value)
                }
            };
            let key = if verdict.inside == Fate::Ignored { Ok(None) } else { self.written_key(pair.key()) };
            let (Ok(key), false) = (key, found == Outcome::Dropped) else {
                outcome = Outcome::Changed;
                continue;
            };
            let renamed = if key.is_some() { Outcome::Changed } else { Outcome::Clean };
            outcome = either(either(outcome, found), renamed);
            let key = key.as_deref().unwrap_or(pair.key());
            pair.put(field.number, key.as_bytes(), |out| out.extend_from_slice(&value), out);
        }
        outcome
    }
}

fn either(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Changed, _) | (_, Outcome::Changed) => Outcome::Changed,
        (Outcome::Allowed, _) | (_, Outcome::Allowed) => Outcome::Allowed,
        _ => Outcome::Clean,
    }
}

fn copy(raw: &[u8], field: &Field<'_>, out: &mut Vec<u8>) -> Outcome {
    copy_all(raw.get(field.start..field.end).unwrap_or_default(), out)
}

fn copy_all(raw: &[u8], out: &mut Vec<u8>) -> Outcome {
    out.extend_from_slice(raw);
    Outcome::Clean
}
