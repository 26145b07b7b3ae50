//! The `baggage` header (W3C Baggage): values of the application's own that travel with a request.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::carrier::{Getter, Setter};
use crate::{list, percent};

/// Keys with their values, each with properties of its own, in the order received.
///
/// Kept as the text that is sent, so that members that nobody touches leave as they came. It may hold personal data:
/// send it to those who need it only, and not over SIP.
///
/// ```
/// # use throughline_context::Baggage;
/// let mut baggage = Baggage::parse([&b"userId=alice, serverNode=DF%2028;ttl=3"[..]]);
/// baggage.set("interaction.id", "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54")?;
/// assert_eq!(baggage.get("serverNode").as_deref(), Some("DF 28"));
/// assert_eq!(baggage.interaction_id().as_deref(), Some("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"));
/// # Ok::<(), throughline_context::InvalidBaggage>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Baggage {
    text: String,
    dropped: usize,
}

/// One key with its value and properties.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BaggageMember<'a> {
    /// The key: a token, with upper and lower case distinct.
    pub key: &'a str,
    /// The value as it travels, percent-encoded.
    pub encoded: &'a str,
    properties: &'a str,
}

/// Why a member cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum InvalidBaggage {
    /// The key is not a token: letters, digits and ``!#$%&'*+-.^_`|~``.
    Key,
    /// There would be more than 64 members or 8192 bytes.
    Full,
}

impl Baggage {
    /// The name of the header.
    pub const HEADER: &str = "baggage";
    /// The attribute, and the key in a baggage, that ties traces to one interaction.
    pub const INTERACTION_ID: &str = "interaction.id";
    /// Members that are kept, the number that everybody has to pass on (section "Limits").
    pub const MAX_MEMBERS: usize = 64;
    /// Bytes that are kept, the number that everybody has to pass on (section "Limits").
    pub const MAX_BYTES: usize = 8192;

    /// Reads all `baggage` headers of a request, in order. Members that are malformed or beyond the limits are left
    /// out and counted in [`dropped`](Self::dropped).
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut baggage = Self::default();
        let mut count = 0;
        for member in headers.into_iter().flat_map(list::members) {
            match normal(member) {
                Some(member) if count < Self::MAX_MEMBERS && baggage.has_room(&member) => {
                    baggage.push(&member);
                    count += 1;
                }
                _ => baggage.dropped += 1,
            }
        }
        baggage
    }

    /// Reads the `baggage` headers of a carrier.
    pub fn extract(from: &(impl Getter + ?Sized)) -> Self {
        Self::parse(from.get_all(Self::HEADER))
    }

    /// Writes one `baggage` header, or takes it away where there is nothing to send.
    pub fn inject(&self, to: &mut (impl Setter + ?Sized)) {
        if self.is_empty() {
            to.unset(Self::HEADER);
        } else {
            to.set(Self::HEADER, self.as_str());
        }
    }

    /// The value of the one header to send.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True where there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Members that were left out when reading.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The members in order; a key may come several times.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = BaggageMember<'_>> {
        self.text.split(',').filter_map(|member| {
            let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
            let (key, encoded) = pair.split_once('=')?;
            Some(BaggageMember { key, encoded, properties })
        })
    }

    /// The value of a key, decoded; the last one where the key comes several times.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.members().rev().find(|member| member.key == key).map(|member| member.value())
    }

    /// The interaction that the request belongs to.
    pub fn interaction_id(&self) -> Option<Cow<'_, str>> {
        self.get(Self::INTERACTION_ID).filter(|id| !id.is_empty())
    }

    /// Gives a key this value, in place of all it had. A refused change changes nothing.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidBaggage> {
        if !is_token(key.as_bytes()) {
            return Err(InvalidBaggage::Key);
        }
        let mut member = String::from(key);
        member.push('=');
        percent::encode(value, |byte| is_value_byte(&byte), &mut member);
        let mut changed = self.clone();
        changed.remove(key);
        if changed.members().count() >= Self::MAX_MEMBERS || !changed.has_room(&member) {
            return Err(InvalidBaggage::Full);
        }
        changed.push(&member);
        *self = changed;
        Ok(())
    }

    /// Takes a key away, with all its values; true where it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let is_other = |member: &&str| member.split_once('=').is_none_or(|(own, _)| own != key);
        let mut rest = Self { text: String::new(), dropped: self.dropped };
        self.text.split(',').filter(is_other).for_each(|member| rest.push(member));
        let removed = rest.text.len() < self.text.len();
        *self = rest;
        removed
    }

    fn has_room(&self, member: &str) -> bool {
        let separator = usize::from(!self.text.is_empty());
        self.text.len() + separator + member.len() <= Self::MAX_BYTES
    }

    fn push(&mut self, member: &str) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(member);
    }
}

impl<'a> BaggageMember<'a> {
    /// The value, decoded.
    pub fn value(&self) -> Cow<'a, str> {
        percent::decode(self.encoded)
    }

    /// What is said about the value: names with or without a value, as they travel.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.properties.split(';').filter(|property| !property.is_empty()).map(|property| {
            match property.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (property, None),
            }
        })
    }
}

/// A member without the white space in it; nothing where it breaks the grammar (section "Definition").
fn normal(member: &[u8]) -> Option<String> {
    let mut out = String::new();
    for (at, part) in member.split(|byte| *byte == b';').enumerate() {
        let (key, value) = match list::split_once(part, b'=') {
            Some((key, value)) => (list::trim(key), Some(list::trim(value))),
            None if at == 0 => return None,
            None => (list::trim(part), None),
        };
        if !is_token(key) || !value.unwrap_or_default().iter().all(is_value_byte) {
            return None;
        }
        let separator = if at == 0 { "" } else { ";" };
        out.extend([separator, str::from_utf8(key).ok()?]);
        if let Some(value) = value {
            out.extend(["=", str::from_utf8(value).ok()?]);
        }
    }
    Some(out)
}

/// `token` of RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token_byte)
}

/// `baggage-octet`.
fn is_value_byte(byte: &u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The key only: values may be personal data.
impl fmt::Debug for BaggageMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaggageMember").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Keys only: values may be personal data.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members().map(|member| member.key)).finish()
    }
}

impl fmt::Display for InvalidBaggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a baggage key is letters, digits and !#$%&'*+-.^_`|~, at least one",
            Self::Full => "a baggage has at most 64 members and 8192 bytes; remove a member first",
        })
    }
}

impl core::error::Error for InvalidBaggage {}
