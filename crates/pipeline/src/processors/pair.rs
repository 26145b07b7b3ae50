//! One attribute as it stands in its message.

use flow::wire::{fields, put_len, put_nested};

/// The bytes of a `KeyValue`.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Pair<'a> {
    raw: &'a [u8],
    pub(in crate::processors) key: &'a [u8],
    /// The `AnyValue` message.
    pub(in crate::processors) value: &'a [u8],
}

impl<'a> Pair<'a> {
    #[inline]
    pub(in crate::processors) fn read(raw: &'a [u8]) -> Self {
        // As everybody writes it: a short key, then a short value.
        if let [0x0a, len @ ..=0x7f, rest @ ..] = raw
            && let Some((key, [0x12, len @ ..=0x7f, value @ ..])) = rest.split_at_checked(usize::from(*len))
            && value.len() == usize::from(*len)
        {
            return Self { raw, key, value };
        }
        let mut pair = Self { raw, key: &[], value: &[] };
        for field in fields(raw) {
            match field.number {
                1 => pair.key = field.bytes(),
                2 => pair.value = field.bytes(),
                _ => {}
            }
        }
        pair
    }

    pub(in crate::processors) fn key(&self) -> &'a str {
        std::str::from_utf8(self.key).unwrap_or_default()
    }

    /// The text, where the value is nothing but a short one.
    #[inline]
    pub(in crate::processors) fn text(&self) -> Option<&'a [u8]> {
        match self.value {
            [0x0a, len @ ..=0x7f, text @ ..] if text.len() == usize::from(*len) => Some(text),
            _ => None,
        }
    }

    /// Writes it as a field with another key and value, and with whatever else was in it.
    pub(in crate::processors) fn put(
        &self,
        number: u32,
        key: &[u8],
        value: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        put_nested(out, number, |out| {
            put_len(out, 1, key);
            put_nested(out, 2, value);
            for field in fields(self.raw).filter(|field| field.number > 2) {
                out.extend_from_slice(self.raw.get(field.start..field.end).unwrap_or_default());
            }
        });
    }
}
