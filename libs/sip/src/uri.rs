use std::fmt;

use crate::fault::Malformed;
use crate::params::Params;
use crate::scan::{cut, host_port, split_once};

/// A URI of any scheme (RFC 3261, section 19.1; RFC 3966). Parts are as written: nothing is unescaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The whole.
    pub raw: &'a [u8],
    /// `sip`, `sips`, `tel`, `urn` …; case does not count.
    pub scheme: &'a [u8],
    /// Of SIP URIs what stands before the `@` and a password; of `tel` URIs the number.
    pub user: Option<&'a [u8]>,
    /// What stands between the first `:` of a SIP URI's user part and the `@`.
    pub password: Option<&'a [u8]>,
    /// Of SIP URIs; an IPv6 address with its brackets. Empty for other schemes.
    pub host: &'a [u8],
    /// Of SIP URIs, where one is given.
    pub port: Option<u16>,
    /// Of SIP and `tel` URIs.
    pub params: Params<'a>,
    /// What follows the `?` of a SIP URI.
    pub headers: Option<&'a [u8]>,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart. Only SIP and `tel` URIs have parts; others need a scheme and no blanks.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Malformed> {
        let (scheme, rest) = split_once(raw, b':').ok_or(Malformed("the URI has no scheme"))?;
        if !is_scheme(scheme) {
            return Err(Malformed("the URI's scheme is no name"));
        }
        if rest.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"')) {
            return Err(Malformed("the URI holds a blank, a bracket or a quotation mark"));
        }
        let (_, end) = cut(raw, raw.len());
        let mut uri = Self {
            raw,
            scheme,
            user: None,
            password: None,
            host: end,
            port: None,
            params: Params::of_uri(end),
            headers: None,
        };
        if uri.is_sip() {
            uri.read_sip(rest)?;
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            let (number, params) = cut(rest, memchr::memchr(b';', rest).unwrap_or(rest.len()));
            if number.is_empty() {
                return Err(Malformed("the tel URI has no number"));
            }
            uri.user = Some(number);
            uri.params = Params::of_uri(params);
        } else if rest.is_empty() {
            return Err(Malformed("the URI ends after its scheme"));
        }
        Ok(uri)
    }

    /// Whether the scheme is `sip` or `sips`.
    pub fn is_sip(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"sip") || self.is_sips()
    }

    /// Whether the scheme is `sips`.
    pub fn is_sips(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"sips")
    }

    /// Headers of a SIP URI in order: name and value, escaped as they are written.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let fields = self.headers.into_iter().flat_map(|headers| headers.split(|byte| *byte == b'&'));
        fields
            .filter(|field| !field.is_empty())
            .map(|field| split_once(field, b'=').unwrap_or_else(|| cut(field, field.len())))
    }

    fn read_sip(&mut self, rest: &'a [u8]) -> Result<(), Malformed> {
        // The user part may hold `;` and `?`, so that the `@` is looked for first; nothing behind it may hold one
        // unescaped but a header, whose value comes later.
        let place = match split_once(rest, b'@') {
            Some((user, place)) => {
                let (user, password) =
                    split_once(user, b':').map_or((user, None), |(user, password)| (user, Some(password)));
                if user.is_empty() {
                    return Err(Malformed("the URI has nothing before its @"));
                }
                (self.user, self.password) = (Some(user), password);
                place
            }
            None => rest,
        };
        let (place, headers) = cut(place, memchr::memchr(b'?', place).unwrap_or(place.len()));
        let (place, params) = cut(place, memchr::memchr(b';', place).unwrap_or(place.len()));
        (self.host, self.port) =
            host_port(place).ok_or(Malformed("the URI's host or port cannot be read"))?;
        self.params = Params::of_uri(params);
        self.headers = (!headers.is_empty()).then(|| cut(headers, 1).1);
        Ok(())
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.raw.escape_ascii())
    }
}

fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}
