use std::fmt;

use crate::fault::Malformed;
use crate::params::Params;
use crate::scan::{cut, find_unquoted, trim, trim_end, trim_start};
use crate::uri::Uri;

/// `"Display" <uri>;params` or `uri;params`: From, To, Contact, Route, Record-Route, Refer-To, Referred-By … (RFC
/// 3261, section 20.10).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// As it is written, with its quotation marks; see [`unquote`](crate::unquote). `None` where nothing is written.
    pub display: Option<&'a [u8]>,
    /// The URI as it is written, `*` of a Contact that removes all.
    pub uri: &'a [u8],
    /// Whether the URI stands in `<>`.
    pub bracketed: bool,
    /// Those of the header, not those of the URI.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Takes an address apart. The URI is read by [`uri`](Self::uri), which may find it malformed.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        let unbalanced = |_| Malformed("a quotation mark is not closed");
        let at = find_unquoted(value, |byte| matches!(byte, b'<' | b';')).map_err(unbalanced)?;
        let (before, rest) = cut(value, at.unwrap_or(value.len()));
        let [b'<', inside @ ..] = rest else {
            return Self::unbracketed(trim_end(before), rest);
        };
        let end = memchr::memchr(b'>', inside).ok_or(Malformed("an angle bracket is not closed"))?;
        let (uri, rest) = cut(inside, end);
        let params = trim_start(cut(rest, 1).1);
        if !matches!(params.first(), None | Some(b';')) {
            return Err(Malformed("something other than a parameter follows the address"));
        }
        let display = trim_end(before);
        if !matches!(display, [] | [.., b'"']) && memchr::memchr(b'"', display).is_some() {
            return Err(Malformed("something stands between a quoted name and the address"));
        }
        let display = (!display.is_empty()).then_some(display);
        Ok(Self { display, uri: trim(uri), bracketed: true, params: Params::of_value(params)? })
    }

    /// The parts of the URI.
    pub fn uri(&self) -> Result<Uri<'a>, Malformed> {
        Uri::parse(self.uri)
    }

    /// The parameter `tag` of a From or To.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    fn unbracketed(uri: &'a [u8], params: &'a [u8]) -> Result<Self, Malformed> {
        if uri.is_empty() {
            return Err(Malformed("the address is empty"));
        }
        if memchr::memchr3(b'"', b'?', b',', uri).is_some() {
            return Err(Malformed("a URI with a question mark or a comma must stand in angle brackets"));
        }
        Ok(Self { display: None, uri, bracketed: false, params: Params::of_value(params)? })
    }
}

impl fmt::Debug for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddr")
            .field("display", &self.display.map(|name| name.escape_ascii().to_string()))
            .field("uri", &self.uri.escape_ascii().to_string())
            .field("params", &self.params)
            .finish()
    }
}
