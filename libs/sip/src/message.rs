use std::fmt;

use bytes::Bytes;

use crate::address::NameAddr;
use crate::edit::Edit;
use crate::fault::{Fault, Malformed, Repeated};
use crate::fields::{CSeq, Replaces, SessionId};
use crate::index::{Index, Length, Line, Names, ParseError, StartLine, trim_name, without_end};
use crate::limits::Limits;
use crate::method::Method;
use crate::name::{Known, Name};
use crate::scan::{cut, find_comma, number, trim};
use crate::via::Via;

/// A message: the bytes that came, and where its parts are. Nothing else is read until it is asked for.
///
/// `B` is [`Bytes`] or whatever else holds bytes: `&[u8]` borrows a buffer.
#[derive(Clone)]
pub struct Message<B = Bytes> {
    bytes: B,
    index: Index,
}

/// The first line of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request.
    Request {
        /// What is asked for.
        method: Method<'a>,
        /// The Request-URI as it is written.
        uri: &'a [u8],
        /// `SIP/2.0`, unless [`check`](Message::check) refuses it.
        version: &'a [u8],
    },
    /// A response.
    Status {
        /// Three digits.
        code: u16,
        /// The reason phrase, which may be empty.
        reason: &'a [u8],
        /// `SIP/2.0`, unless [`check`](Message::check) refuses it.
        version: &'a [u8],
    },
}

/// One header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which header it is.
    pub name: Name<'a>,
    /// The name as it is written.
    pub raw_name: &'a [u8],
    /// The value without blanks around it, folded as it came; see [`unfold`](crate::unfold).
    pub value: &'a [u8],
    /// All of it, line ends included.
    pub raw: &'a [u8],
}

impl<B: AsRef<[u8]>> Message<B> {
    /// Reads one message of a datagram (RFC 3261, section 18.3): empty lines before it are passed over, and bytes
    /// after its Content-Length are not part of it. Only what is no SIP at all, or over a limit, is an error here:
    /// [`check`](Self::check) says what else is wrong.
    pub fn parse(bytes: B, limits: &Limits) -> Result<Self, ParseError> {
        let length = bytes.as_ref().len();
        if length > limits.message || u32::try_from(length).is_err() {
            return Err(ParseError::MessageTooLong);
        }
        let index = Index::new(bytes.as_ref(), limits)?;
        Ok(Self { bytes, index })
    }

    pub(crate) const fn of(bytes: B, index: Index) -> Self {
        Self { bytes, index }
    }

    /// The message from its first line to the end of its body.
    pub fn as_bytes(&self) -> &[u8] {
        let bytes = self.bytes.as_ref();
        bytes.get(self.index.start as usize..self.body_end()).unwrap_or_default()
    }

    /// What was given to [`parse`](Self::parse).
    pub fn into_inner(self) -> B {
        self.bytes
    }

    /// The first line.
    pub fn start(&self) -> Start<'_> {
        let bytes = self.bytes.as_ref();
        match self.index.start_line {
            StartLine::Request { method, uri, version } => Start::Request {
                method: method.of(bytes).into(),
                uri: uri.of(bytes),
                version: version.of(bytes),
            },
            StartLine::Status { version, code, reason } => {
                Start::Status { code, reason: reason.of(bytes), version: version.of(bytes) }
            }
        }
    }

    /// The method of a request.
    pub fn method(&self) -> Option<Method<'_>> {
        match self.start() {
            Start::Request { method, .. } => Some(method),
            Start::Status { .. } => None,
        }
    }

    /// The Request-URI as it is written.
    pub fn request_uri(&self) -> Option<&[u8]> {
        match self.start() {
            Start::Request { uri, .. } => Some(uri),
            Start::Status { .. } => None,
        }
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        match self.start() {
            Start::Request { .. } => None,
            Start::Status { code, .. } => Some(code),
        }
    }

    /// Headers in order.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = Header<'_>> + ExactSizeIterator {
        self.lines().iter().map(|line| self.header(line))
    }

    /// Headers of this name, in order.
    pub fn headers_named<'a>(&'a self, name: impl Into<Name<'a>>) -> impl Iterator<Item = Header<'a>> {
        self.lines_named(name.into()).map(|line| self.header(line))
    }

    /// Values of this name, in order. Those of a [list](Name::is_list) are parted at commas outside of quoted strings
    /// and of `<>`, and empty ones are passed over; any other header is one value.
    pub fn all<'a>(&'a self, name: impl Into<Name<'a>>) -> impl Iterator<Item = &'a [u8]> {
        let name = name.into();
        let list = name.known().is_some_and(|known| known.name().is_list());
        self.lines_named(name).flat_map(move |line| Values { rest: Some(self.header(line).value), list })
    }

    /// The first value of this name.
    pub fn first<'a>(&'a self, name: impl Into<Name<'a>>) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of a header that may stand in a message once.
    pub fn get<'a>(&'a self, name: impl Into<Name<'a>>) -> Result<Option<&'a [u8]>, Repeated> {
        let name = name.into();
        let mut lines = self.lines_named(name);
        let Some(first) = lines.next() else { return Ok(None) };
        if self.index.lines.repeated().has(name.known()) && lines.next().is_some() {
            return Err(Repeated);
        }
        Ok(Some(self.header(first).value))
    }

    /// The body: as long as Content-Length says and bytes are there; to the end where that header is missing or
    /// cannot be read.
    pub fn body(&self) -> &[u8] {
        self.bytes.as_ref().get(self.index.body as usize..self.body_end()).unwrap_or_default()
    }

    /// Bytes that are missing from the body by its Content-Length.
    pub fn missing(&self) -> u64 {
        match self.index.length {
            Length::Bytes(length) => length.saturating_sub(self.body().len() as u64),
            Length::Missing | Length::Invalid => 0,
        }
    }

    /// Vias, the last hop first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, Fault>> {
        self.all(Name::Via).map(|value| Via::parse(value).map_err(|why| Fault::Malformed(Name::Via, why)))
    }

    /// The Via of the last hop.
    pub fn top_via(&self) -> Result<Via<'_>, Fault> {
        self.vias().next().ok_or(Fault::Missing(Name::Via))?
    }

    /// The header From.
    pub fn from(&self) -> Result<NameAddr<'_>, Fault> {
        self.needed(Name::From, NameAddr::parse)
    }

    /// The header To.
    pub fn to(&self) -> Result<NameAddr<'_>, Fault> {
        self.needed(Name::To, NameAddr::parse)
    }

    /// The header Call-ID.
    pub fn call_id(&self) -> Result<&[u8], Fault> {
        let not_empty =
            |value| if <[u8]>::is_empty(value) { Err(Malformed("the value is empty")) } else { Ok(value) };
        self.needed(Name::CallId, not_empty)
    }

    /// The header CSeq.
    pub fn cseq(&self) -> Result<CSeq<'_>, Fault> {
        self.needed(Name::CSeq, CSeq::parse)
    }

    /// Addresses of a header that lists them: Contact, Route, Record-Route, Path, P-Asserted-Identity …
    pub fn addresses(&self, name: Name<'static>) -> impl Iterator<Item = Result<NameAddr<'_>, Fault>> {
        self.all(name).map(move |value| NameAddr::parse(value).map_err(|why| Fault::Malformed(name, why)))
    }

    /// The header Refer-To (RFC 3515).
    pub fn refer_to(&self) -> Result<Option<NameAddr<'_>>, Fault> {
        self.single(Name::ReferTo, NameAddr::parse)
    }

    /// The header Referred-By (RFC 3892).
    pub fn referred_by(&self) -> Result<Option<NameAddr<'_>>, Fault> {
        self.single(Name::ReferredBy, NameAddr::parse)
    }

    /// The header Replaces (RFC 3891).
    pub fn replaces(&self) -> Result<Option<Replaces<'_>>, Fault> {
        self.single(Name::Replaces, Replaces::parse)
    }

    /// The header Session-ID (RFC 7989).
    pub fn session_id(&self) -> Result<Option<SessionId<'_>>, Fault> {
        self.single(Name::SessionId, SessionId::parse)
    }

    /// The header Max-Forwards, at most 255 (RFC 3261, section 20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, Fault> {
        self.single(Name::MaxForwards, |value| {
            number(value).and_then(|hops| hops.try_into().ok()).ok_or(Malformed("not a number up to 255"))
        })
    }

    /// The header Expires, in seconds.
    pub fn expires(&self) -> Result<Option<u32>, Fault> {
        self.single(Name::Expires, |value| {
            number(value)
                .and_then(|seconds| seconds.try_into().ok())
                .ok_or(Malformed("not a number below 2^32"))
        })
    }

    /// The header Content-Length.
    pub fn content_length(&self) -> Result<Option<u64>, Fault> {
        match self.index.length {
            Length::Missing => Ok(None),
            Length::Bytes(length) => Ok(Some(length)),
            Length::Invalid => Err(Fault::Malformed(Name::ContentLength, Malformed("not one number"))),
        }
    }

    /// Changes to be made when the message is written.
    pub fn edit(&self) -> Edit<'_> {
        Edit::new(self.bytes.as_ref(), &self.index, self.body_end())
    }

    pub(crate) fn single<'a, T>(
        &'a self,
        name: Name<'static>,
        read: impl FnOnce(&'a [u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Fault> {
        let value = self.get(name).map_err(|Repeated| Fault::Repeated(name))?;
        value.map(|value| read(value).map_err(|why| Fault::Malformed(name, why))).transpose()
    }

    fn needed<'a, T>(
        &'a self,
        name: Name<'static>,
        read: impl FnOnce(&'a [u8]) -> Result<T, Malformed>,
    ) -> Result<T, Fault> {
        self.single(name, read)?.ok_or(Fault::Missing(name))
    }

    fn body_end(&self) -> usize {
        let length = self.bytes.as_ref().len();
        match self.index.length {
            Length::Bytes(said) => (self.index.body as usize)
                .saturating_add(usize::try_from(said).unwrap_or(usize::MAX))
                .min(length),
            Length::Missing | Length::Invalid => length,
        }
    }

    pub(crate) const fn repeated(&self) -> Names {
        self.index.lines.repeated()
    }

    fn lines(&self) -> &[Line] {
        self.index.lines.as_slice()
    }

    fn lines_named<'a>(&'a self, name: Name<'a>) -> impl Iterator<Item = &'a Line> {
        let known = name.known();
        self.index.lines.with(known).iter().filter(move |line| line.is(known, name, self.bytes.as_ref()))
    }

    fn header(&self, line: &Line) -> Header<'_> {
        line.header(self.bytes.as_ref())
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for Message<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.as_bytes().len() - self.body().len();
        f.debug_struct("Message")
            .field("start", &self.start())
            .field("headers", &self.lines().len())
            .field("head_bytes", &head)
            .field("body_bytes", &self.body().len())
            .finish()
    }
}

impl fmt::Debug for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { method, uri, version } => {
                write!(f, "{method} {} {}", uri.escape_ascii(), version.escape_ascii())
            }
            Self::Status { code, reason, version } => {
                write!(f, "{} {code} {}", version.escape_ascii(), reason.escape_ascii())
            }
        }
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.raw_name.escape_ascii(), self.value.escape_ascii())
    }
}

impl Line {
    #[inline]
    pub(crate) fn is(&self, known: Option<Known>, name: Name<'_>, bytes: &[u8]) -> bool {
        match known {
            Some(_) => self.known == known,
            None => self.known.is_none() && self.raw_name(bytes).eq_ignore_ascii_case(name.as_bytes()),
        }
    }

    pub(crate) fn header<'a>(&self, bytes: &'a [u8]) -> Header<'a> {
        let raw = bytes.get(self.start as usize..self.end as usize).unwrap_or_default();
        let (_, value) = cut(without_end(raw), (self.colon - self.start) as usize + 1);
        let raw_name = self.raw_name(bytes);
        let name = self.known.map_or(Name::Other(raw_name), Known::name);
        Header { name, raw_name, value: trim(value), raw }
    }

    fn raw_name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        trim_name(bytes.get(self.start as usize..self.colon as usize).unwrap_or_default())
    }
}

/// Values of one header line.
pub(crate) struct Values<'a> {
    pub(crate) rest: Option<&'a [u8]>,
    pub(crate) list: bool,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest.take()?;
            let comma = if self.list { find_comma(rest) } else { None };
            let value = match comma {
                Some(comma) => {
                    let (value, after) = cut(rest, comma);
                    self.rest = Some(cut(after, 1).1);
                    trim(value)
                }
                None => trim(rest),
            };
            if !value.is_empty() || !self.list {
                return Some(value);
            }
        }
    }
}
