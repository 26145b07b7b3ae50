//! Sets and maps of a few entries, sorted in a list: every trace has some, and a tree takes many times the memory.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<T>", bound(deserialize = "T: Ord + Deserialize<'de>"))]
pub struct FewSet<T>(Vec<T>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FewMap<K, V>(Vec<(K, V)>);

impl<T> Default for FewSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> FewSet<T> {
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

impl<T: Ord> From<Vec<T>> for FewSet<T> {
    fn from(mut values: Vec<T>) -> Self {
        values.sort();
        values.dedup();
        Self(values)
    }
}

impl<T: Ord> FromIterator<T> for FewSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T: Ord> Extend<T> for FewSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        let known = self.0.len();
        self.0.extend(values);
        if self.0.len() > known {
            // Two lists that are in order are not sorted once more.
            self.0.sort();
            self.0.dedup();
        }
    }
}

impl<'a, T> IntoIterator for &'a FewSet<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K, V> Default for FewMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> FewMap<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.0.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// `join` makes one value of the known one and the new one.
    pub(crate) fn put(&mut self, key: K, value: V, join: impl FnOnce(&mut V, V)) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&key)) {
            Err(place) => self.0.insert(place, (key, value)),
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    join(known, value);
                }
            }
        }
    }

    pub(crate) fn pop_last(&mut self) {
        self.0.pop();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, (K, V)> {
        self.0.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

/// Of equal keys the last counts.
impl<K: Ord, V> FromIterator<(K, V)> for FewMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        entries.into_iter().for_each(|(key, value)| map.put(key, value, |known, new| *known = new));
        map
    }
}

impl<K: Ord, V> IntoIterator for FewMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for FewMap<K, V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for FewMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = FewMap<K, V>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut map = FewMap::default();
                while let Some((key, value)) = from.next_entry()? {
                    map.put(key, value, |known, new| *known = new);
                }
                Ok(map)
            }
        }

        from.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn are_as_trees_are(entries in prop::collection::vec((0..9_u8, 0..9_u8), 0..12)) {
            let (map, tree): (FewMap<u8, u8>, BTreeMap<u8, u8>) =
                (entries.iter().copied().collect(), entries.iter().copied().collect());
            prop_assert!(map.iter().eq(&tree));
            (0..9).for_each(|key| assert_eq!(map.get(&key), tree.get(&key)));
            let text = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(&serde_json::from_str::<FewMap<u8, u8>>(&text).unwrap(), &map);
            let keys = entries.iter().map(|(key, _)| *key);
            let (set, tree): (FewSet<u8>, BTreeSet<u8>) = (keys.clone().collect(), keys.clone().collect());
            let mut in_two = keys.clone().take(5).collect::<FewSet<u8>>();
            in_two.extend(keys.clone().skip(5));
            prop_assert_eq!(&in_two, &set);
            prop_assert!(set.iter().eq(&tree));
            let unsorted = serde_json::to_string(&keys.collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(&serde_json::from_str::<FewSet<u8>>(&unsorted).unwrap(), &set);
        }
    }
}
