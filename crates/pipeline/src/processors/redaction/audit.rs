//! What was done, told: attributes beside what was changed, and counters.

use flow::Ctx;
use flow::otlp::attributes::encode_value;
use flow::otlp::splice::Splice;
use flow::otlp::view::Value;
use flow::wire::{put_len, put_nested};
use prometheus::IntCounter;

use super::rules::{Rule, Rules, Summary};

/// The kinds of what can happen to an attribute, in the order in which the attributes for them are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Redacted,
    Masked,
    Allowed,
    Ignored,
}

const EVENTS: usize = 4;
/// Attributes with the keys, and with their number, by event. Keys that are ignored are not told.
const SUMMARY: [(&str, &str); EVENTS] = [
    ("redaction.redacted.keys", "redaction.redacted.count"),
    ("redaction.masked.keys", "redaction.masked.count"),
    ("redaction.allowed.keys", "redaction.allowed.count"),
    ("", "redaction.ignored.count"),
];
const RULE: &str = "redaction.rule.";
const SEPARATOR: &str = ",";

/// Whether this processor writes attributes of this key: they need not be allowed.
pub(super) fn is_ours(key: &str) -> bool {
    key.starts_with(RULE)
        || SUMMARY.iter().any(|(keys, count)| key == *count || (key == *keys && !key.is_empty()))
}

/// What happened to one list of attributes, and around it.
#[derive(Default)]
pub(super) struct List {
    events: [Told; EVENTS],
    /// Findings by rule, where they are to be told.
    rules: Vec<u64>,
}

#[derive(Default)]
struct Told {
    keys: Vec<String>,
    count: i64,
}

impl List {
    pub(super) fn note(&mut self, rules: &Rules, event: Event, key: &str) {
        let Some(told) = self.events.get_mut(event as usize).filter(|_| rules.summary != Summary::Silent)
        else {
            return;
        };
        told.count += 1;
        if rules.summary == Summary::Debug {
            told.keys.push(key.to_owned());
        }
    }

    pub(super) fn add_rules(&mut self, before: &[u64], now: &[u64]) {
        self.rules.resize(now.len(), 0);
        for (count, (before, now)) in self.rules.iter_mut().zip(before.iter().zip(now)) {
            *count += now - before;
        }
    }

    /// Takes over what an earlier processor has told in an attribute. The attribute is to be taken out: it is written again at
    /// the end. Says whether it has done so.
    pub(super) fn takes_over(
        &mut self,
        rules: &Rules,
        names: &[String],
        key: &str,
        value: Value<'_>,
    ) -> bool {
        let number = if let Value::Int(number) = value { Some(number) } else { None };
        if let Some(rule) = key.strip_prefix(RULE) {
            let Some(index) = names.iter().position(|name| name == rule).filter(|_| rules.rule_counts) else {
                return false;
            };
            self.rules.resize(names.len(), 0);
            let count = number.and_then(|number| u64::try_from(number).ok());
            let slot = self.rules.get_mut(index).zip(count);
            return slot.map(|(slot, count)| *slot = slot.saturating_add(count)).is_some();
        }
        for (told, (keys, count)) in self.events.iter_mut().zip(SUMMARY) {
            if key == count && rules.summary != Summary::Silent {
                return number.map(|number| told.count = told.count.saturating_add(number)).is_some();
            }
            if key == keys && !key.is_empty() && rules.summary == Summary::Debug {
                let before = value.as_str().filter(|keys| !keys.is_empty());
                let before = before.map(|keys| told.keys.extend(keys.split(SEPARATOR).map(str::to_owned)));
                return before.is_some();
            }
        }
        false
    }

    /// Writes what is to be told as attributes at the end of a message; says whether there was anything.
    pub(super) fn write(
        &mut self,
        names: &[String],
        splice: &mut Splice<'_>,
        end: usize,
        number: u32,
    ) -> bool {
        let mut wrote = false;
        let mut put = |key: &str, value: Value<'_>| {
            wrote = true;
            splice.insert(end, |out| {
                put_nested(out, number, |out| {
                    put_len(out, 1, key.as_bytes());
                    put_nested(out, 2, |out| encode_value(&value, out));
                });
            });
        };
        for (told, (keys, count)) in self.events.iter_mut().zip(SUMMARY) {
            if !told.keys.is_empty() && !keys.is_empty() {
                told.keys.sort();
                put(keys, Value::String(&told.keys.join(SEPARATOR)));
            }
            if told.count != 0 {
                put(count, Value::Int(told.count));
            }
        }
        for (name, count) in names.iter().zip(&self.rules).filter(|(_, count)| **count > 0) {
            put(&format!("{RULE}{name}"), Value::Int(i64::try_from(*count).unwrap_or(i64::MAX)));
        }
        wrote
    }
}

/// One counter for each rule.
pub(super) struct Counters {
    pub(super) names: Vec<String>,
    counters: Vec<IntCounter>,
}

impl Counters {
    pub(super) fn new(ctx: &Ctx, rules: &Rules) -> Self {
        let names = Rule::names(rules.blocked_values.len());
        let family = ctx.telemetry.counter(
            "throughline_redaction_findings",
            "What rules found and masked, hashed or removed.",
            &["processor", "pipeline", "rule"],
        );
        let counters =
            names.iter().map(|rule| family.with_label_values(&[&*ctx.id, &*ctx.pipeline, rule])).collect();
        Self { names, counters }
    }

    pub(super) fn add(&self, counts: &[u64]) {
        for (counter, count) in self.counters.iter().zip(counts).filter(|(_, count)| **count > 0) {
            counter.inc_by(*count);
        }
    }
}
