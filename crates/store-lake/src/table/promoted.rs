//! Attributes with a column of their own. Between the entries of a map a value that repeats from row to row costs a byte or
//! two each time; in a column it costs next to nothing, and is found without reading all the others.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};
use store_api::{Attributes, Span};

use super::schema;

/// What the names of columns begin with: attributes of the span, and those of its resource.
pub(crate) const OWN: &str = "attr_";
pub(crate) const RESOURCE: &str = "resource_";
/// In the metadata of a column: the key of its attribute.
const KEY: &str = "throughline.key";
/// Rows that have an attribute, before a column costs less than they do: of the file, and in all.
const SHARE: usize = 20;
const LEAST: usize = if cfg!(test) { 4 } else { 512 };
/// Columns of one file, and of all.
const MOST: usize = 64;
const MOST_EVER: usize = 256;
const LONGEST: usize = 100;

/// The names of columns with the keys of their attributes, whose values are text.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Promoted(BTreeMap<String, String>);

impl Promoted {
    /// What these rows want columns for; a name that is `known` keeps its meaning.
    pub(crate) fn of<'a>(spans: impl Iterator<Item = &'a Span>, known: &Self) -> Self {
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        let mut rows = 0;
        for span in spans {
            rows += 1;
            for (prefix, set) in [(OWN, &span.attributes), (RESOURCE, span.resource.attributes())] {
                for key in texts(set) {
                    *counts.entry((prefix, key)).or_default() += 1;
                }
            }
        }
        let often = |count: usize| count >= LEAST && count * SHARE >= rows;
        let mut wanted: Vec<_> = counts.into_iter().filter(|(_, count)| often(*count)).collect();
        wanted.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
        let mut promoted = Self::default();
        for ((prefix, key), _) in wanted {
            let Some(column) = name(prefix, key) else { continue };
            let known_as = known.0.get(&column);
            let new = known_as.is_none() && known.0.len() + promoted.0.len() < MOST_EVER;
            if promoted.0.len() < MOST && (new || known_as.is_some_and(|known| known == key)) {
                promoted.0.entry(column).or_insert_with(|| key.to_owned());
            }
        }
        promoted
    }

    #[cfg(test)]
    pub(super) fn with(keys: &[(&str, String)]) -> Self {
        Self(keys.iter().filter_map(|(prefix, key)| Some((name(prefix, key)?, key.clone()))).collect())
    }

    /// Both; where they differ, what is there already stays.
    pub(crate) fn join(&mut self, more: &Self) {
        for (column, key) in &more.0 {
            if !self.0.contains_key(column) {
                self.0.insert(column.clone(), key.clone());
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The column of an attribute.
    pub(crate) fn column(&self, prefix: &str, key: &str) -> Option<&str> {
        let (column, known) = self.0.get_key_value(&name(prefix, key)?)?;
        (known == key).then_some(column)
    }

    /// The columns, in order, with what begins their names.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(column, key)| (prefix(column), key.as_str()))
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        self.0.iter().map(|(column, key)| {
            let metadata = HashMap::from([(KEY.to_owned(), key.clone())]);
            Field::new(column, DataType::Utf8, true).with_metadata(metadata)
        })
    }
}

/// Which attribute a column is.
pub(super) fn attribute(field: &Field) -> Option<(&'static str, &str)> {
    Some((prefix(field.name()), field.metadata().get(KEY)?))
}

fn prefix(column: &str) -> &'static str {
    if column.starts_with(RESOURCE) { RESOURCE } else { OWN }
}

fn texts(attributes: &Attributes) -> impl Iterator<Item = &str> {
    attributes.iter().filter(|(_, value)| value.as_str().is_some()).map(|(key, _)| key)
}

/// A name that no engine wants quotes around; `None` where there is none, or another column has it.
fn name(prefix: &str, key: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = prefix.chars().chain(key.chars().map(plain)).collect();
    let free = schema::spans().column_with_name(&name).is_none();
    (free && !key.is_empty() && name.len() <= LONGEST).then_some(name)
}

#[cfg(test)]
mod tests {
    use store_api::testing::Sample;

    use super::*;

    fn spans(count: usize, keys: &[(&str, usize)]) -> Vec<Span> {
        let sample = |n: usize| {
            let carried = keys.iter().filter(|(_, first)| n < *first);
            carried.fold(Sample::new(1, 1), |sample, (key, _)| sample.with(key, "value")).span()
        };
        (0..count).map(sample).collect()
    }

    fn chosen(count: usize, keys: &[(&str, usize)], known: &Promoted) -> Vec<String> {
        let spans = spans(count, keys);
        let promoted = Promoted::of(spans.iter(), known);
        let own = promoted.0.iter().filter(|(column, _)| column.starts_with(OWN));
        own.map(|(column, key)| format!("{column}: {key}")).collect()
    }

    #[test]
    fn what_is_frequent_gets_a_column() {
        let none = Promoted::default();
        assert_eq!(chosen(70, &[("a.b", LEAST), ("c", LEAST - 1)], &none), ["attr_a_b: a.b"]);
        assert_eq!(chosen(2000, &[("a", 99), ("b", 100)], &none), ["attr_b: b"]);
    }

    #[test]
    fn a_name_is_used_once_and_keeps_its_meaning() {
        let none = Promoted::default();
        assert_eq!(
            chosen(100, &[("a.b", 60), ("a_b", 70)], &none),
            ["attr_a_b: a_b"],
            "the more frequent has it"
        );
        let known = Promoted([("attr_a_b".to_owned(), "a.b".to_owned())].into());
        assert_eq!(chosen(100, &[("a.b", 60), ("a_b", 70)], &known), ["attr_a_b: a.b"]);
        assert_eq!(chosen(100, &[("str", 60), ("int", 70)], &none), [""; 0], "the maps have these names");
        let long = "k".repeat(LONGEST);
        assert_eq!(chosen(100, &[(&long, 100)], &none), [""; 0]);
        assert_eq!(known.column(OWN, "a.b"), Some("attr_a_b"));
        assert_eq!(known.column(OWN, "a_b"), None);
        assert_eq!(known.column(RESOURCE, "a.b"), None);
    }
}
