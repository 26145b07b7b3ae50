//! Which attributes spans carry: on which level, of which type, how many spans, since when, and with which values.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::question::Range;
use crate::span::{Resource, Span};
use crate::value::{Attributes, Value};

/// Keys that are told apart; there are more where somebody makes keys of ids.
const MOST: usize = 2000;
/// Values that are counted of each key, and how many of them are told.
const COUNTED: usize = 16;
const TOLD: usize = 8;
/// Bytes of a key, and of a value: longer ones are no choice for a list.
const LONGEST_KEY: usize = 256;
const LONGEST: usize = 100;
/// Of the first spans, and after that of one in so many, the values are looked at.
const FIRST: u64 = 512;
const EACH: u64 = 16;
/// Resources that are counted before they are looked at.
const RESOURCES: usize = 1024;

/// Whose attribute it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Span,
    Resource,
    Scope,
    Event,
    Link,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    String,
    Int,
    Double,
    Bool,
    Array,
    Map,
    Bytes,
    Empty,
}

/// One key on one level with values of one type.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttrKey {
    pub level: Level,
    pub key: String,
    #[serde(rename = "type")]
    pub kind: Type,
    /// As stored: a span that is there twice counts twice.
    pub spans: u64,
    /// When the first and the last of them started.
    pub first_ns: u64,
    pub last_ns: u64,
    /// Frequent ones, the most frequent first, with the least times that they were seen among those that were looked at.
    pub values: Vec<(String, u64)>,
}

/// In the order of levels, keys and types.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AttrKeys {
    pub keys: Vec<AttrKey>,
    /// There are more than are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl AttrKeys {
    /// Of spans that started in a range.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a Arc<Span>>, range: Range) -> Self {
        let mut counting = Counting::default();
        let within = spans.into_iter().filter(|span| range.contains(span.start_ns));
        within.for_each(|span| counting.see(span));
        counting.told()
    }

    /// With other texts for some values, of which several may be the same then.
    pub fn renamed(mut self, mut rename: impl FnMut(&str, Type, &str) -> Option<String>) -> Self {
        for AttrKey { key, kind, values, .. } in &mut self.keys {
            let mut shown = Values::default();
            for (text, times) in std::mem::take(values) {
                shown.add(rename(key, *kind, &text).unwrap_or(text), times);
            }
            *values = shown.told();
        }
        self
    }

    /// Estimated bytes in memory.
    pub fn weight(&self) -> usize {
        let value = |(text, _): &(String, u64)| size_of::<(String, u64)>() + text.len();
        let values = |key: &AttrKey| key.values.iter().map(value).sum::<usize>();
        self.keys.iter().map(|key| size_of::<AttrKey>() + key.key.len() + values(key)).sum()
    }
}

/// Adds up.
#[derive(Default)]
pub struct Counting {
    /// By level and type, so that a key is looked up once and without a copy of it.
    known: [[HashMap<String, usize>; Type::ALL.len()]; Level::ALL.len()],
    counts: Vec<Count>,
    truncated: bool,
    spans: u64,
    /// By where they lie; held, so that no other one can come to lie there.
    resources: HashMap<*const Resource, (Arc<Resource>, Seen)>,
}

/// Spans with the same attributes.
#[derive(Clone, Copy)]
struct Seen {
    /// The number of the last of them: of several attributes with one key on a span one counts.
    number: u64,
    spans: u64,
    first_ns: u64,
    last_ns: u64,
}

#[derive(Default)]
struct Count {
    number: u64,
    spans: u64,
    first_ns: u64,
    last_ns: u64,
    values: Values,
}

impl Counting {
    pub fn see(&mut self, span: &Span) {
        self.spans += 1;
        let seen = Seen { number: self.spans, spans: 1, first_ns: span.start_ns, last_ns: span.start_ns };
        let looks = self.spans <= FIRST || self.spans.is_multiple_of(EACH);
        self.all(Level::Span, &span.attributes, seen, looks);
        self.all(Level::Scope, &span.scope.attributes, seen, looks);
        span.events.iter().for_each(|event| self.all(Level::Event, &event.attributes, seen, looks));
        span.links.iter().for_each(|link| self.all(Level::Link, &link.attributes, seen, looks));
        let resource = Arc::as_ptr(&span.resource);
        match self.resources.get_mut(&resource) {
            Some((_, known)) => {
                known.spans += 1;
                known.first_ns = known.first_ns.min(seen.first_ns);
                known.last_ns = known.last_ns.max(seen.last_ns);
            }
            None => {
                if self.resources.len() >= RESOURCES {
                    self.look_at_resources();
                }
                self.resources.insert(resource, (Arc::clone(&span.resource), seen));
            }
        }
    }

    fn look_at_resources(&mut self) {
        // In the order of their first spans, so that the same spans give the same values.
        let mut resources: Vec<_> = std::mem::take(&mut self.resources).into_values().collect();
        resources.sort_by_key(|(_, seen)| seen.number);
        for (resource, seen) in resources {
            self.all(Level::Resource, resource.attributes(), seen, true);
        }
    }

    fn all(&mut self, level: Level, attributes: &Attributes, seen: Seen, looks: bool) {
        for (key, value) in attributes.iter() {
            let Some(count) = self.count(level, key, Type::of(value)) else { continue };
            if count.number != seen.number {
                count.number = seen.number;
                count.add(seen.spans, seen.first_ns, seen.last_ns);
            }
            if looks && let Some(text) = text(value) {
                count.values.add(text, seen.spans);
            }
        }
    }

    fn count(&mut self, level: Level, key: &str, kind: Type) -> Option<&mut Count> {
        let known = self.known.get_mut(level as usize)?.get_mut(kind as usize)?;
        let place = match known.get(key) {
            Some(place) => *place,
            None if self.counts.len() >= MOST || key.len() > LONGEST_KEY => {
                self.truncated = true;
                return None;
            }
            None => {
                known.insert(key.to_owned(), self.counts.len());
                self.counts.push(Count::default());
                self.counts.len() - 1
            }
        };
        self.counts.get_mut(place)
    }

    /// What others counted.
    pub fn join(&mut self, more: &AttrKeys) {
        self.truncated |= more.truncated;
        for one in &more.keys {
            let Some(count) = self.count(one.level, &one.key, one.kind) else { continue };
            count.add(one.spans, one.first_ns, one.last_ns);
            one.values.iter().for_each(|(text, times)| count.values.add(text.clone(), *times));
        }
    }

    pub fn told(mut self) -> AttrKeys {
        self.look_at_resources();
        let mut keys: Vec<AttrKey> = Vec::with_capacity(self.counts.len());
        for (level, of_level) in Level::ALL.into_iter().zip(self.known) {
            for (kind, known) in Type::ALL.into_iter().zip(of_level) {
                for (key, place) in known {
                    let count = self.counts.get_mut(place).map(std::mem::take).unwrap_or_default();
                    keys.push(count.told(level, key, kind));
                }
            }
        }
        keys.sort_by(|a, b| (a.level, &a.key, a.kind).cmp(&(b.level, &b.key, b.kind)));
        AttrKeys { keys, truncated: self.truncated }
    }
}

impl Count {
    fn add(&mut self, spans: u64, first_ns: u64, last_ns: u64) {
        self.first_ns = if self.spans == 0 { first_ns } else { self.first_ns.min(first_ns) };
        self.last_ns = self.last_ns.max(last_ns);
        self.spans += spans;
    }

    fn told(self, level: Level, key: String, kind: Type) -> AttrKey {
        let Self { spans, first_ns, last_ns, values, .. } = self;
        AttrKey { level, key, kind, spans, first_ns, last_ns, values: values.told() }
    }
}

/// Counts of the most frequent, each too low by as much as there was of all others (Misra and Gries).
#[derive(Default)]
struct Values(HashMap<String, u64>);

impl Values {
    fn add(&mut self, text: String, times: u64) {
        if let Some(known) = self.0.get_mut(&text) {
            *known += times;
            return;
        }
        let mut left = times;
        if self.0.len() >= COUNTED {
            let less = self.0.values().copied().min().unwrap_or(0).min(left);
            self.0.retain(|_, times| {
                *times -= less;
                *times > 0
            });
            left -= less;
        }
        if left > 0 && self.0.len() < COUNTED {
            self.0.insert(text, left);
        }
    }

    fn told(self) -> Vec<(String, u64)> {
        let mut all: Vec<(String, u64)> = self.0.into_iter().collect();
        all.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        all.truncate(TOLD);
        all
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= LONGEST => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

impl Level {
    pub const ALL: [Self; 5] = [Self::Span, Self::Resource, Self::Scope, Self::Event, Self::Link];

    pub fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Event => "event",
            Self::Link => "link",
        }
    }
}

impl Type {
    const ALL: [Self; 8] =
        [Self::String, Self::Int, Self::Double, Self::Bool, Self::Array, Self::Map, Self::Bytes, Self::Empty];

    fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::String,
            Value::Int(_) => Self::Int,
            Value::Double(_) => Self::Double,
            Value::Bool(_) => Self::Bool,
            Value::Array(_) => Self::Array,
            Value::Map(_) => Self::Map,
            Value::Bytes(_) => Self::Bytes,
            Value::Empty => Self::Empty,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Double => "double",
            Self::Bool => "bool",
            Self::Array => "array",
            Self::Map => "map",
            Self::Bytes => "bytes",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::span::Event;
    use crate::testing::Sample;
    use crate::testing::sample::{NINE, SECOND};

    fn lines(keys: &AttrKeys) -> String {
        let line = |key: &AttrKey| {
            let AttrKey { level, key, kind, spans, first_ns, last_ns, values } = key;
            let [first, last] = [first_ns, last_ns].map(|ns| (ns - NINE) / SECOND);
            format!("{level} {key} {} {spans} {first}-{last} {values:?}\n", kind.name())
        };
        keys.keys.iter().map(line).collect()
    }

    fn spans() -> Vec<Arc<Span>> {
        let retry = |tries: i64| Event {
            time_ns: NINE,
            name: "retry".to_owned(),
            attributes: [("tries", Value::Int(tries))].into_iter().collect(),
        };
        let crm = |n: u8| Sample::new(1, n).service("crm").at(u64::from(n), 1);
        let changed = crm(2).with("db.system", 3).change(|span| span.events = vec![retry(1), retry(2)]);
        let other = crm(3).with("db.system", "oracle").with("tags", Value::Array(vec![]));
        let usual = |n: u8| crm(n).with("db.system", "postgresql");
        [usual(1), changed, other, usual(4)].map(|sample| Arc::new(sample.span())).into()
    }

    #[test]
    fn keys_are_told_by_level_and_type() {
        expect![[r#"
            span db.system string 3 1-4 [("postgresql", 2), ("oracle", 1)]
            span db.system int 1 2-2 [("3", 1)]
            span tags array 1 3-3 []
            resource service.name string 4 1-4 [("crm", 4)]
            event tries int 1 2-2 [("1", 1), ("2", 1)]
        "#]]
        .assert_eq(&lines(&AttrKeys::of(&spans(), Range::ALL)));
        let range = Range { from: NINE + 2 * SECOND, to: NINE + 3 * SECOND };
        assert_eq!(AttrKeys::of(&spans(), range).keys.iter().map(|key| key.spans).max(), Some(1));
    }

    #[test]
    fn keys_without_end_are_cut_and_say_so() {
        let with = |n: u64| Arc::new(Sample::new(1, 1).with(&format!("id.{n}"), "x").span());
        let all: Vec<_> = (0..MOST as u64 + 10).map(with).collect();
        let told = AttrKeys::of(&all, Range::ALL);
        assert_eq!((told.keys.len(), told.truncated), (MOST, true));
    }

    proptest! {
        /// What more than one in so many of the values are is told, whatever the others are.
        #[test]
        fn frequent_values_are_told(others in prop::collection::vec(0_u32..1000, 0..400), at in 0_usize..400) {
            let mut values: Vec<String> = others.iter().map(ToString::to_string).collect();
            let often = others.len() / (COUNTED - 1) + 1;
            let at = at.min(values.len());
            values.splice(at..at, std::iter::repeat_n("often".to_owned(), often));
            let mut counted = Values::default();
            values.into_iter().for_each(|value| counted.add(value, 1));
            prop_assert!(counted.0.contains_key("often"));
        }

        /// Parts that are joined tell what all of it tells, but for the values.
        #[test]
        fn parts_add_up(parts in prop::collection::vec(0_usize..3, 4)) {
            let spans = spans();
            let mut joined = Counting::default();
            for part in 0..3 {
                let of = spans.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(span, _)| span);
                joined.join(&AttrKeys::of(of, Range::ALL));
            }
            prop_assert_eq!(joined.told(), AttrKeys::of(&spans, Range::ALL));
        }
    }
}
