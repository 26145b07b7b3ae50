//! One header line, as it stood on the wire.

/// Bytes that are not ASCII are held as the character with the same number (Latin-1), so that nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// Everything behind the colon, white space included.
    pub raw: String,
}

impl Field {
    pub fn new(name: impl Into<String>, raw: impl Into<String>) -> Self {
        Self { name: name.into(), raw: raw.into() }
    }

    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value: without the white space around it.
    pub fn value(&self) -> &str {
        self.raw.trim_matches([' ', '\t'])
    }
}

/// The value of the first field of that name.
pub fn first<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.is(name)).map(Field::value)
}

/// What a stranger wrote is shown without control characters, and not for ever.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of a text that [`text`] made; other characters become `?`.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect()
}
