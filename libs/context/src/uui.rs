//! User-to-User information (RFC 7433): a few bytes that travel with a SIP call, across networks and transfers.
//!
//! Ours is the text of a `traceparent` behind the protocol discriminator `00`, in hexadecimal: 112 digits, below the
//! 128 that some systems cut at. Read are hexadecimal and ascii, with and without the discriminator, which Genesys
//! Cloud takes away, under the names `User-to-User` and `x-User-To-User`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::carrier::{Getter, Setter};
use crate::hex;
use crate::list;
use crate::traceparent::Traceparent;

/// The name of the header.
pub const HEADER: &str = "User-to-User";
/// The name that some session border controllers use instead.
pub const X_HEADER: &str = "x-User-To-User";

/// Values of a header that are looked at.
const MAX_VALUES: usize = 8;
/// Characters of a value that may hold a context: four times those of ours.
const MAX_DATA: usize = 512;

/// One value of a `User-to-User` header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    /// The data as it stands in the header, without quotes.
    pub data: Cow<'a, str>,
    /// How the data is written; hexadecimal where nothing is said.
    pub encoding: Encoding,
    /// The package, as in `isdn-uui`.
    pub purpose: Option<&'a str>,
    /// What the data is, as in `isdn-uui`.
    pub content: Option<&'a str>,
}

/// How the data of a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// `encoding=hex`
    Hex,
    /// `encoding=ascii`
    Ascii,
}

/// Reads the values of a header, at most 8; one that is not text is left out.
///
/// ```
/// # use throughline_context::uui;
/// let values = uui::parse(b"56a390f3d2b7310023a2;encoding=hex;purpose=foo, \"a;b,c\";encoding=ascii");
/// assert_eq!(values[0].purpose, Some("foo"));
/// assert_eq!(values[1].bytes(), b"a;b,c");
/// ```
pub fn parse(header: &[u8]) -> Vec<Value<'_>> {
    let Ok(text) = str::from_utf8(header) else { return Vec::new() };
    split(text, ',').filter(|value| !value.is_empty()).take(MAX_VALUES).map(Value::read).collect()
}

/// The context in the first value that holds one.
pub fn extract(from: &(impl Getter + ?Sized)) -> Option<Traceparent> {
    headers(from).flat_map(parse).find_map(|value| value.traceparent())
}

/// Writes a `User-to-User` header, unless somebody else's is there: a second one makes Genesys Cloud discard both.
/// True where the header holds the context.
///
/// ```
/// # use throughline_context::uui;
/// # let parent = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01".parse().unwrap();
/// let mut invite: Vec<(String, String)> = Vec::new();
/// assert!(uui::inject(&parent, &mut invite));
/// assert!(invite[0].1.starts_with("0030302d34626639"));
/// assert_eq!(uui::extract(&invite), Some(parent));
/// ```
pub fn inject(traceparent: &Traceparent, to: &mut (impl Getter + Setter)) -> bool {
    let is_ours = |header: &[u8]| matches!(parse(header).as_slice(), [only] if only.traceparent().is_some());
    if !headers(&*to).all(is_ours) {
        return false;
    }
    to.unset(X_HEADER);
    to.set(HEADER, &format!("{};encoding=hex", payload(traceparent)));
    true
}

/// The data alone, with the protocol discriminator: for `uuiData` of the Genesys API or a field of a switch.
pub fn payload(traceparent: &Traceparent) -> String {
    let text = traceparent.to_bytes().map(hex::pair);
    format!("00{}", hex::ascii(text.as_flattened()))
}

/// The header as a part of a URI, as in `Refer-To: <sip:queue@example.com?User-to-User=00...%3Bencoding%3Dhex>`.
pub fn uri_header(traceparent: &Traceparent) -> String {
    format!("{HEADER}={}%3Bencoding%3Dhex", payload(traceparent))
}

impl<'a> Value<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = split(text, ';');
        let data = unquoted(parts.next().unwrap_or_default());
        let mut value = Self { data, encoding: Encoding::Hex, purpose: None, content: None };
        for (name, parameter) in parts.filter_map(|part| part.split_once('=')) {
            let parameter = parameter.trim();
            let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
            if is("encoding") && !parameter.eq_ignore_ascii_case("hex") {
                value.encoding = Encoding::Ascii;
            } else if is("purpose") {
                value.purpose = Some(parameter);
            } else if is("content") {
                value.content = Some(parameter);
            }
        }
        value
    }

    /// The bytes of the data. What is not hexadecimal, though it should be, stands for itself.
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.data.as_bytes();
        let (pairs, rest) = text.as_chunks::<2>();
        let decoded = pairs.iter().map(|pair| hex::decode_padded(pair).map(|[byte]| byte)).collect();
        match (self.encoding, decoded) {
            (Encoding::Hex, Some(bytes)) if rest.is_empty() => bytes,
            _ => text.to_vec(),
        }
    }

    /// The context in it, with or without a protocol discriminator: a byte, or two digits in ascii.
    pub fn traceparent(&self) -> Option<Traceparent> {
        if self.data.len() > MAX_DATA {
            return None;
        }
        let bytes = self.bytes();
        let starts = [0, 1, 2].iter().filter_map(|start| bytes.get(*start..));
        starts.map(list::trim).find_map(|text| Traceparent::from_bytes(text).ok())
    }
}

fn headers(from: &(impl Getter + ?Sized)) -> impl Iterator<Item = &[u8]> {
    from.get_all(HEADER).chain(from.get_all(X_HEADER))
}

/// Parts between separators, trimmed; separators inside quotes are text.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let outside = move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == separator && !quoted,
        }
        false
    };
    text.split(outside).map(str::trim)
}

/// `quoted-string` of RFC 3261, or the text itself.
fn unquoted(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inside) if inside.contains('\\') => {
            let mut escaped = false;
            let keeps = |c: &char| {
                escaped = *c == '\\' && !escaped;
                !escaped
            };
            Cow::Owned(inside.chars().filter(keeps).collect())
        }
        Some(inside) => Cow::Borrowed(inside),
        None => Cow::Borrowed(text),
    }
}
