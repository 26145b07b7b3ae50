//! Fields that may be missing or of another type than expected, so that one of them does not cost the message.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, a number or a truth value.
#[derive(Clone, Default, Debug)]
pub(super) enum Leaf<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Other,
}

/// An object.
#[derive(Clone, Default, Debug)]
pub(super) enum Object<T> {
    #[default]
    Missing,
    Is(Box<T>),
    Other,
}

/// A list of which the first `N` members are kept.
#[derive(Clone, Debug)]
pub(super) struct List<T, const N: usize> {
    pub(super) items: Vec<T>,
    pub(super) beyond: usize,
    pub(super) other: bool,
}

/// An object as pairs, of which the first `N` are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs<'a, const N: usize> {
    pub(super) items: Vec<(Cow<'a, str>, Leaf<'a>)>,
    pub(super) beyond: usize,
    pub(super) other: bool,
}

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self { items: Vec::new(), beyond: 0, other: false }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Leaf<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Leaf::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Leaf::Other, Leaf::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Leaf::Float(number))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Leaf::Bool(truth))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Leaf::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other)
    }
}

/// What a container becomes of values that are no container of its kind.
trait Otherwise: Sized {
    fn missing() -> Self;
    fn other() -> Self;
}

impl<T> Otherwise for Object<T> {
    fn missing() -> Self {
        Self::Missing
    }

    fn other() -> Self {
        Self::Other
    }
}

impl<T, const N: usize> Otherwise for List<T, N> {
    fn missing() -> Self {
        Self::default()
    }

    fn other() -> Self {
        Self { other: true, ..Self::default() }
    }
}

impl<const N: usize> Otherwise for Pairs<'_, N> {
    fn missing() -> Self {
        Self::default()
    }

    fn other() -> Self {
        Self { other: true, ..Self::default() }
    }
}

/// Everything but lists and objects.
macro_rules! no_leaf {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value")
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::other())
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::other())
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::other())
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::other())
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::other())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::missing())
        }
    };
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    no_leaf!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(items)).map(|it| Object::Is(Box::new(it)))
    }
}

struct ListVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for List<T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ListVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for ListVisitor<T, N> {
    type Value = List<T, N>;

    no_leaf!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = List::default();
        while list.items.len() < N {
            match items.next_element()? {
                Some(item) => list.items.push(item),
                None => return Ok(list),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            list.beyond += 1;
        }
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::other())
    }
}

struct PairsVisitor<const N: usize>;

impl<'de: 'a, 'a, const N: usize> Deserialize<'de> for Pairs<'a, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PairsVisitor)
    }
}

impl<'de, const N: usize> Visitor<'de> for PairsVisitor<N> {
    type Value = Pairs<'de, N>;

    no_leaf!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pairs::other())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Pairs::default();
        while pairs.items.len() < N {
            match entries.next_entry::<Key<'de>, Leaf<'de>>()? {
                Some((key, value)) => pairs.items.push((key.0, value)),
                None => return Ok(pairs),
            }
        }
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            pairs.beyond += 1;
        }
        Ok(pairs)
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Leaf::deserialize(from)? {
            Leaf::Text(text) => Ok(Self(text)),
            _ => Ok(Self(Cow::Borrowed(""))),
        }
    }
}
