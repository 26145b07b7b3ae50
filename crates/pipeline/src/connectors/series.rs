//! Series by key, in bounded number.

use std::collections::HashMap;

use flow::otlp::view::Value;

use super::points::{Of, put_attribute};
use crate::processors::attributes::value::readable;

/// A value longer than this is cut; it would stand in every point of the series.
const LONGEST_VALUE: usize = 1024;
/// What a map entry costs beside its key and its value.
const OVERHEAD: usize = 64;

/// Slot, name and value; the slot tells dimensions apart where one is missing.
pub(super) type Label<'n, 'a> = (u16, &'n str, Value<'a>);

/// How many series there may be, and what they take.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    used: usize,
    bytes: usize,
}

impl Room {
    /// A limit of 0 is none.
    pub(super) fn new(most: usize) -> Self {
        Self { most: if most == 0 { usize::MAX } else { most }, used: 0, bytes: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.used >= self.most
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// After everything in it was forgotten.
    pub(super) fn clear(&mut self) {
        (self.used, self.bytes) = (0, 0);
    }

    fn take(&mut self, bytes: usize) {
        self.used += 1;
        self.bytes += bytes;
    }

    fn give_back(&mut self, bytes: usize) {
        self.used -= 1;
        self.bytes -= bytes;
    }
}

#[derive(Debug)]
struct Series<T> {
    attributes: Box<[u8]>,
    start_ns: u64,
    seen_ns: u64,
    bytes: usize,
    value: T,
}

#[derive(Debug)]
pub(super) struct Table<T>(HashMap<Box<[u8]>, Series<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Table<T> {
    /// Changes the series of this key, which begins where there is none and there is room; says whether it did.
    /// `new` tells a new series' attributes, its value and the bytes on the heap that the value takes.
    pub(super) fn update(
        &mut self,
        key: &[u8],
        now_ns: u64,
        room: &mut Room,
        new: impl FnOnce() -> (Box<[u8]>, T, usize),
        change: impl FnOnce(&mut T),
    ) -> bool {
        if let Some(series) = self.0.get_mut(key) {
            series.seen_ns = now_ns;
            change(&mut series.value);
            return true;
        }
        if room.is_full() {
            return false;
        }
        let (attributes, mut value, heap) = new();
        change(&mut value);
        let bytes = OVERHEAD + size_of::<T>() + key.len() + attributes.len() + heap;
        room.take(bytes);
        self.0.insert(key.into(), Series { attributes, start_ns: now_ns, seen_ns: now_ns, bytes, value });
        true
    }

    /// Forgets what was last seen before.
    pub(super) fn expire(&mut self, before_ns: u64, room: &mut Room) {
        self.0.retain(|_, series| {
            let stays = series.seen_ns >= before_ns;
            if !stays {
                room.give_back(series.bytes);
            }
            stays
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each series with its point, which counts since the series began, or since then.
    pub(super) fn points(&self, since_ns: Option<u64>, time_ns: u64) -> impl Iterator<Item = (Of<'_>, &T)> {
        self.0.values().map(move |series| {
            let start_ns = since_ns.unwrap_or(series.start_ns).min(time_ns);
            (Of { attributes: &series.attributes, start_ns, time_ns, exemplars: &[] }, &series.value)
        })
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.values_mut().map(|series| &mut series.value)
    }
}

/// Equal for labels that read alike.
pub(super) fn put_key(labels: &[Label<'_, '_>], key: &mut Vec<u8>) {
    key.clear();
    for (slot, _, value) in labels {
        let text = readable(*value);
        key.extend_from_slice(&slot.to_le_bytes());
        key.extend_from_slice(&(text.len() as u32).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    }
}

pub(super) fn attributes_of(labels: &[Label<'_, '_>]) -> Box<[u8]> {
    let mut out = Vec::new();
    for (_, name, value) in labels {
        put_attribute(&mut out, name, value);
    }
    out.into()
}

/// The one label of a series that stands for all that found no room.
pub(super) fn overflow() -> Box<[u8]> {
    let mut out = Vec::new();
    put_attribute(&mut out, "otel.metric.overflow", &Value::Bool(true));
    out.into()
}

/// A value as a label: text is cut, what has no short form is none.
pub(super) fn fit(value: Value<'_>) -> Option<Value<'_>> {
    match value {
        Value::String(text) => Some(Value::String(cut(text))),
        Value::Bytes(raw) if raw.len() > LONGEST_VALUE => None,
        Value::Array(array) if array.0.len() > LONGEST_VALUE => None,
        Value::Map(map) if map.0.len() > LONGEST_VALUE => None,
        value => Some(value),
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_VALUE)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_expiry_gives_it_back() {
        let (mut table, mut room) = (Table::<u64>::default(), Room::new(2));
        let mut add =
            |key: u8, now| table.update(&[key], now, &mut room, || (overflow(), 0, 10), |count| *count += 1);
        assert_eq!([add(1, 1), add(2, 2), add(3, 3), add(1, 4)], [true, true, false, true]);
        assert_eq!(room.used(), 2);
        table.expire(3, &mut room);
        assert_eq!(room.used(), 1);
        table.expire(9, &mut room);
        assert_eq!((room.used(), room.bytes()), (0, 0));
    }

    #[test]
    fn long_text_is_cut_between_letters() {
        let text = "é".repeat(LONGEST_VALUE);
        assert_eq!(fit(Value::String(&text)).and_then(|value| value.as_str()).map(str::len), Some(1024));
        let odd = format!("a{text}");
        assert_eq!(fit(Value::String(&odd)).and_then(|value| value.as_str()).map(str::len), Some(1023));
    }

    #[test]
    fn the_number_one_reads_like_the_text() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        put_key(&[(0, "x", Value::Int(1))], &mut a);
        put_key(&[(0, "x", Value::String("1"))], &mut b);
        assert_eq!(a, b);
        put_key(&[(1, "y", Value::Int(1))], &mut b);
        assert_ne!(a, b);
    }
}
