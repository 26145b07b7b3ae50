//! What policies look for on resources and spans. Each thing has a bit in `Hits`; equal ones of several policies share it.

use std::fmt;
use std::ops::RangeInclusive;

use flow::otlp::view::{ResourceSpans, ScopeSpans, Value};
use flow::wire::fields;
use regex::RegexSet;
use throughline_context::Tracestate;

use super::facts::{Bit, Hits};
use super::survey::INTERACTION;

/// A condition on one span, made elsewhere (OTTL). The error is what is wrong with this span.
pub(crate) type Predicate = Box<dyn Fn(&Seen<'_>) -> Result<bool, String> + Send + Sync>;

/// A span and what stands around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) resource: ResourceSpans<'a>,
    pub(crate) scope: ScopeSpans<'a>,
    /// The encoded span.
    pub(crate) span: &'a [u8],
    /// Nanoseconds since 1970.
    pub(crate) now: u64,
}

/// Everything that is looked for.
#[derive(Default)]
pub(crate) struct Watch {
    attributes: Vec<Asked>,
    /// Bit `n` is set where a key of `n` bytes is looked for, the last one for all longer keys too.
    lengths: u64,
    states: Vec<(Bit, String, Vec<String>)>,
    flags: Option<Bit>,
    predicates: Vec<(Bit, Option<Bit>, Predicate)>,
    /// What each bit stands for, in words.
    words: Vec<String>,
}

/// What is asked of the values of one key.
struct Asked {
    key: Box<[u8]>,
    tests: Vec<(Bit, Test)>,
}

/// What an attribute's value has to be.
#[derive(Debug)]
pub(crate) enum Test {
    OneOf(Vec<String>),
    Matches(RegexSet),
    Within(RangeInclusive<i64>),
    Is(bool),
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(one), Self::OneOf(other)) => one == other,
            (Self::Matches(one), Self::Matches(other)) => one.patterns() == other.patterns(),
            (Self::Within(one), Self::Within(other)) => one == other,
            (Self::Is(one), Self::Is(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(texts) => OneOf(texts).fmt(f),
            Self::Matches(patterns) => write!(f, "matches {}", patterns.patterns().join(" or ")),
            Self::Within(range) => match (*range.start(), *range.end()) {
                (min, i64::MAX) => write!(f, "is at least {min}"),
                (i64::MIN, max) => write!(f, "is at most {max}"),
                (min, max) => write!(f, "is from {min} to {max}"),
            },
            Self::Is(value) => write!(f, "is {value}"),
        }
    }
}

struct OneOf<'t>(&'t [String]);

impl fmt::Display for OneOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [only] => write!(f, "is {only}"),
            several => write!(f, "is one of {}", several.join(", ")),
        }
    }
}

impl Test {
    /// As the collector reads values of another type: as an empty text, as 0, as false.
    fn fits(&self, value: &Value<'_>, on_resource: bool) -> bool {
        match self {
            Self::OneOf(texts) => {
                let text = value.as_str().unwrap_or_default();
                !text.is_empty() && texts.iter().any(|known| known == text)
            }
            Self::Matches(patterns) => {
                let text = value.as_str().unwrap_or_default();
                (on_resource || !text.is_empty()) && patterns.is_match(text)
            }
            Self::Within(range) => range.contains(match value {
                Value::Int(number) => number,
                _ => &0,
            }),
            Self::Is(wanted) => *wanted == matches!(value, Value::Bool(true)),
        }
    }
}

impl Watch {
    /// How many bits are in use; more than `Hits::MOST` do not fit.
    pub(crate) fn bits(&self) -> usize {
        self.words.len()
    }

    /// What was looked for: "`key` is one of a, b".
    pub(crate) fn words(&self, bit: Bit) -> &str {
        self.words.get(usize::from(bit)).map_or("", String::as_str)
    }

    pub(crate) fn attribute(&mut self, key: &str, test: Test) -> Bit {
        let fresh = self.bits() as Bit;
        let words = format!("`{key}` {test}");
        let at = self.attributes.iter().position(|asked| *asked.key == *key.as_bytes());
        let at = at.unwrap_or_else(|| {
            self.attributes.push(Asked { key: key.as_bytes().into(), tests: Vec::new() });
            self.lengths |= length_bit(key.len());
            self.attributes.len() - 1
        });
        let Some(Asked { tests, .. }) = self.attributes.get_mut(at) else { return fresh };
        if let Some((bit, _)) = tests.iter().find(|(_, known)| *known == test) {
            return *bit;
        }
        tests.push((fresh, test));
        self.fresh(words)
    }

    pub(crate) fn state(&mut self, key: String, values: Vec<String>) -> Bit {
        let bit = self.fresh(format!("`{key}` in the tracestate {}", OneOf(&values)));
        self.states.push((bit, key, values));
        bit
    }

    pub(crate) fn flags(&mut self) -> Bit {
        if let Some(bit) = self.flags {
            return bit;
        }
        let bit = self.fresh("the sampled flag is set".to_owned());
        self.flags = Some(bit);
        bit
    }

    /// Gives the bit for a span that it holds for; and one for its errors where they count.
    pub(crate) fn predicate(
        &mut self,
        words: String,
        errors_count: bool,
        predicate: Predicate,
    ) -> (Bit, Option<Bit>) {
        let failed = errors_count.then(|| self.fresh(format!("{words} failed")));
        let bit = self.fresh(words);
        self.predicates.push((bit, failed, predicate));
        (bit, failed)
    }

    pub(crate) fn resource(&self, resource: ResourceSpans<'_>, hits: &mut Hits) {
        if self.attributes.is_empty() {
            return;
        }
        for field in fields(resource.resource().0).filter(|field| field.number == 1) {
            self.key_value(field.bytes(), true, hits);
        }
    }

    /// How many bytes a field of a span takes that nothing is looked for in: most attributes, told by the length of their
    /// keys, and what the usual encoding has between them.
    #[inline]
    pub(crate) fn passes(&self, rest: &[u8]) -> Option<usize> {
        match rest {
            [0x4a, len @ 0..=0x7f, 0x0a, key @ 0..=0x7f, ..]
                if (self.lengths | length_bit(INTERACTION.len())) & length_bit(usize::from(*key)) == 0 =>
            {
                Some(2 + usize::from(*len))
            }
            // Its id, and its name.
            [0x12, 8, ..] => Some(10),
            [0x2a, len @ 0..=0x7f, ..] => Some(2 + usize::from(*len)),
            _ => None,
        }
    }

    /// One attribute, as it stands in a resource or a span.
    #[inline]
    pub(crate) fn key_value(&self, raw: &[u8], on_resource: bool, hits: &mut Hits) {
        if let [0x0a, len @ 0..=0x7f, ..] = raw
            && self.lengths & length_bit(usize::from(*len)) == 0
        {
            return;
        }
        let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
        for field in fields(raw) {
            match field.number {
                1 => key = field.bytes(),
                2 => value = field.bytes(),
                _ => {}
            }
        }
        let Some(asked) = self.attributes.iter().find(|asked| *asked.key == *key) else { return };
        let value = Value::new(value);
        for (bit, test) in &asked.tests {
            if !hits.has(*bit) && test.fits(&value, on_resource) {
                hits.set(*bit);
            }
        }
    }

    #[inline]
    pub(crate) fn trace_flags(&self, flags: u64, hits: &mut Hits) {
        if let (Some(bit), 1) = (self.flags, flags & 1) {
            hits.set(bit);
        }
    }

    pub(crate) fn trace_state(&self, text: &str, hits: &mut Hits) {
        if self.states.is_empty() || text.is_empty() {
            return;
        }
        let Ok(state) = text.parse::<Tracestate>() else { return };
        for (bit, key, values) in &self.states {
            if state.get(key).is_some_and(|value| values.iter().any(|known| known == value)) {
                hits.set(*bit);
            }
        }
    }

    pub(crate) fn predicates(&self, seen: &Seen<'_>, hits: &mut Hits) {
        for (bit, failed, predicate) in &self.predicates {
            if hits.has(*bit) {
                continue;
            }
            match (predicate(seen), failed) {
                (Ok(true), _) => hits.set(*bit),
                (Err(_), Some(failed)) => hits.set(*failed),
                _ => {}
            }
        }
    }

    fn fresh(&mut self, words: String) -> Bit {
        self.words.push(words);
        (self.words.len() - 1) as Bit
    }
}

#[inline]
fn length_bit(len: usize) -> u64 {
    1 << len.min(63)
}
