//! A small set of values, each with the time of its first span.

use serde::{Deserialize, Serialize};

/// The values seen first, at most [`Firsts::MOST`] of them, so that no client can make a summary large.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Firsts(
    /// In the order of the values.
    Vec<(String, u64)>,
);

/// Longest value that a summary shows, in bytes.
const LONGEST: usize = 256;

impl Firsts {
    pub const MOST: usize = 64;

    pub fn note(&mut self, value: &str, at: u64) {
        let value = cut(value);
        match self.0.binary_search_by(|(known, _)| known.as_str().cmp(value)) {
            Ok(place) => self.0.iter_mut().skip(place).take(1).for_each(|(_, first)| *first = at.min(*first)),
            Err(place) => self.0.insert(place, (value.to_owned(), at)),
        }
        if self.0.len() > Self::MOST {
            self.drop_last();
        }
    }

    pub fn join(&mut self, other: &Self) {
        for (value, at) in &other.0 {
            self.note(value, *at);
        }
    }

    /// The values, the first seen first.
    pub fn in_order(&self) -> Vec<String> {
        let mut entries: Vec<_> = self.0.iter().map(|(value, at)| (*at, value)).collect();
        entries.sort_unstable();
        entries.into_iter().map(|(_, value)| value.clone()).collect()
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
        self.0.iter().any(|(known, _)| known == value)
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

    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(|(value, _)| value.len() + size_of::<(String, u64)>()).sum()
    }

    /// Which of them goes must depend on the values alone, or the result would depend on the order of joining.
    fn drop_last(&mut self) {
        let last = self.0.iter().enumerate().max_by(|(_, (a, s)), (_, (b, t))| (s, a).cmp(&(t, b)));
        if let Some((at, _)) = last {
            self.0.remove(at);
        }
    }
}

pub(super) fn short(value: &str) -> String {
    cut(value).to_owned()
}

fn cut(value: &str) -> &str {
    value.get(..value.floor_char_boundary(LONGEST)).unwrap_or(value)
}
