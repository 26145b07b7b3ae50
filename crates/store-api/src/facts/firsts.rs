//! A small set of values, each with the time of its first span.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The values seen first, at most [`Firsts::MOST`] of them, so that no client can make a summary large.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Firsts(
    /// In the order of the values.
    Vec<(Arc<str>, u64)>,
);

/// Longest value that a summary shows, in bytes.
const LONGEST: usize = 256;

impl Firsts {
    pub const MOST: usize = 64;

    pub fn note(&mut self, value: &str, at: u64) {
        let value = cut(value);
        self.put(value, at, Arc::from);
    }

    fn put<'a>(&mut self, value: &'a str, at: u64, make: impl FnOnce(&'a str) -> Arc<str>) {
        match self.0.binary_search_by(|(known, _)| known.as_ref().cmp(value)) {
            Ok(place) => self.0.iter_mut().skip(place).take(1).for_each(|(_, first)| *first = at.min(*first)),
            Err(place) => self.0.insert(place, (make(value), at)),
        }
        if self.0.len() > Self::MOST {
            self.drop_last();
        }
    }

    pub fn join(&mut self, other: &Self) {
        for (value, at) in &other.0 {
            self.put(value, *at, |_| Arc::clone(value));
        }
    }

    /// The values, the first seen first.
    pub fn in_order(&self) -> Vec<String> {
        let mut entries: Vec<_> = self.0.iter().map(|(value, at)| (*at, value)).collect();
        entries.sort_unstable();
        entries.into_iter().map(|(_, value)| value.as_ref().to_owned()).collect()
    }

    /// With other values in the place of some; nothing where all stay.
    pub fn renamed(&self, mut rename: impl FnMut(&str) -> Option<String>) -> Option<Self> {
        let names: Vec<_> = self.0.iter().map(|(value, _)| rename(value)).collect();
        names.iter().any(Option::is_some).then(|| {
            let mut renamed = Self::default();
            for ((value, at), name) in self.0.iter().zip(&names) {
                renamed.note(name.as_deref().unwrap_or(value), *at);
            }
            renamed
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|(known, _)| known.as_ref() == value)
    }

    /// Whether a span has this value, as far as is known: of many values some are not here.
    pub(crate) fn may_contain(&self, value: &str) -> bool {
        self.0.len() >= Self::MOST || self.contains(cut(value))
    }

    /// Whether a value here may be the beginning of a longer one.
    pub(crate) fn cuts(value: &str) -> bool {
        value.len() + 4 > LONGEST
    }

    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut u64> {
        self.0.iter_mut().map(|(_, at)| at)
    }

    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        self.0.shrink_to_fit();
        self.0.iter_mut().map(|(value, _)| value)
    }

    /// Which of them goes must depend on the values alone, or the result would depend on the order of joining.
    fn drop_last(&mut self) {
        let last = self.0.iter().enumerate().max_by(|(_, (a, s)), (_, (b, t))| (s, a).cmp(&(t, b)));
        if let Some((at, _)) = last {
            self.0.remove(at);
        }
    }
}

pub(super) fn short(value: &str) -> Arc<str> {
    Arc::from(cut(value))
}

fn cut(value: &str) -> &str {
    value.get(..value.floor_char_boundary(LONGEST)).unwrap_or(value)
}
