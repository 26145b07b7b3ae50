use std::error::Error;
use std::fmt;

use crate::address::NameAddr;
use crate::fault::Fault;
use crate::fault::Malformed;
use crate::heads::Heads;
use crate::index::Names;
use crate::message::{Header, Message, Start};
use crate::name::{Known, Name};
use crate::scan::{is_lws, is_token, trim};
use crate::uri::Uri;

/// Why a message is to be refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// Not SIP/2.0.
    Version,
    /// The request line does not follow its grammar.
    RequestLine(Malformed),
    /// The status code is not from 100 to 699.
    StatusCode,
    /// A line among the headers is no header.
    NotAHeader,
    /// A header is missing, repeated or malformed.
    Header(Fault),
    /// CSeq names another method than the request line.
    OtherMethod,
    /// The body is shorter than Content-Length says.
    BodyTooShort,
}

impl Refusal {
    /// The response to give to a request. A response that is refused is dropped.
    pub const fn status(self) -> u16 {
        if matches!(self, Self::Version) { 505 } else { 400 }
    }

    /// The reason phrase of that response.
    pub const fn phrase(self) -> &'static str {
        if matches!(self, Self::Version) { "Version Not Supported" } else { "Bad Request" }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("the version is not SIP/2.0"),
            Self::RequestLine(why) => write!(f, "request line: {why}"),
            Self::StatusCode => f.write_str("the status code is not from 100 to 699"),
            Self::NotAHeader => {
                f.write_str("a line among the headers has no colon, no name, or a stray line end")
            }
            Self::Header(fault) => fault.fmt(f),
            Self::OtherMethod => f.write_str("CSeq names another method than the request line"),
            Self::BodyTooShort => f.write_str("the body is shorter than Content-Length says"),
        }
    }
}

impl Error for Refusal {}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Header(fault)
    }
}

/// Headers that no message may have twice, among those that decide where a message goes and what it means.
const ONCE: Names = Names::of(&[
    Known::CallId,
    Known::ContentLength,
    Known::ContentType,
    Known::CSeq,
    Known::Event,
    Known::Expires,
    Known::From,
    Known::MaxForwards,
    Known::RAck,
    Known::ReferTo,
    Known::ReferredBy,
    Known::Replaces,
    Known::RSeq,
    Known::SessionExpires,
    Known::SessionId,
    Known::To,
]);

/// Lists of addresses that every element on the way reads.
const ADDRESSES: [Name<'static>; 4] = [Name::Contact, Name::Route, Name::RecordRoute, Name::Path];

impl<B: AsRef<[u8]>> Message<B> {
    /// Whether an element that passes messages on may take this one, and what it then reads of it. What RFC 4475 lets a
    /// liberal element accept is accepted; unknown methods, schemes and headers always are.
    pub fn check(&self) -> Result<Heads<'_>, Refusal> {
        let request_uri = self.check_start()?;
        self.check_lines()?;
        let mut via = None;
        for each in self.vias() {
            let each = each?;
            via = via.or(Some(each));
        }
        let via = via.ok_or(Fault::Missing(Name::Via))?;
        let (from, to) = (self.from()?, self.to()?);
        for (name, address) in [(Name::From, &from), (Name::To, &to)] {
            address.uri().map_err(|why| Fault::Malformed(name, why))?;
        }
        let call_id = self.call_id()?;
        let cseq = self.cseq()?;
        if self.method().is_some_and(|method| method != cseq.method) {
            return Err(Refusal::OtherMethod);
        }
        let max_forwards = self.max_forwards()?;
        self.expires()?;
        for name in ADDRESSES {
            self.check_addresses(name)?;
        }
        self.content_length()?;
        if self.missing() > 0 {
            return Err(Refusal::BodyTooShort);
        }
        let (branch, from_tag, to_tag) = (via.branch(), from.tag(), to.tag());
        Ok(Heads { request_uri, via, branch, from, from_tag, to, to_tag, call_id, cseq, max_forwards })
    }

    /// [`check`](Self::check), and what a liberal element may forgive: surplus blanks in the request line and around
    /// an address, headers in the Request-URI, display names that need quotation marks, dates that are not GMT.
    pub fn check_strictly(&self) -> Result<(), Refusal> {
        self.check()?;
        self.check_request_line()?;
        for name in [Name::From, Name::To, Name::Contact, Name::Route, Name::RecordRoute] {
            for value in self.all(name) {
                strict_address(value).map_err(|why| Fault::Malformed(name, why))?;
            }
        }
        let date = self.single(Name::Date, |date| {
            if date.ends_with(b"GMT") { Ok(()) } else { Err(Malformed("the time zone is not GMT")) }
        });
        date?;
        Ok(())
    }

    fn check_start(&self) -> Result<Option<Uri<'_>>, Refusal> {
        let (Start::Request { version, .. } | Start::Status { version, .. }) = self.start();
        if !version.eq_ignore_ascii_case(b"SIP/2.0") {
            return Err(Refusal::Version);
        }
        match self.start() {
            Start::Request { method, uri, .. } => {
                if !is_token(method.as_bytes()) {
                    return Err(Refusal::RequestLine(Malformed("the method is no token")));
                }
                Uri::parse(uri).map(Some).map_err(Refusal::RequestLine)
            }
            Start::Status { code: 100..=699, .. } => Ok(None),
            Start::Status { .. } => Err(Refusal::StatusCode),
        }
    }

    fn check_lines(&self) -> Result<(), Refusal> {
        let repeated = self.repeated().and(ONCE);
        let mut seen = Names::default();
        for header in self.headers() {
            // A known name is a token and has a colon.
            let other = matches!(header.name, Name::Other(_));
            if other && (!is_token(header.raw_name) || !has_colon(&header)) || has_stray_return(header.value)
            {
                return Err(Refusal::NotAHeader);
            }
            let Some(known) = header.name.known().filter(|known| repeated.has(Some(*known))) else {
                continue;
            };
            if seen.add(Some(known)) {
                return Err(Fault::Repeated(known.name()).into());
            }
        }
        Ok(())
    }

    fn check_addresses(&self, name: Name<'static>) -> Result<(), Fault> {
        for address in self.addresses(name) {
            let address = address?;
            if address.uri != b"*" {
                address.uri().map_err(|why| Fault::Malformed(name, why))?;
            }
        }
        Ok(())
    }

    fn check_request_line(&self) -> Result<(), Refusal> {
        let Start::Request { method, uri, version } = self.start() else { return Ok(()) };
        let line = self.as_bytes().split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        if line.len() != method.as_bytes().len() + uri.len() + version.len() + 2 {
            return Err(Refusal::RequestLine(Malformed("there are more blanks than two")));
        }
        if Uri::parse(uri).is_ok_and(|uri| uri.headers.is_some()) {
            return Err(Refusal::RequestLine(Malformed("the Request-URI has headers")));
        }
        Ok(())
    }
}

fn has_colon(header: &Header<'_>) -> bool {
    header.raw.get(header.raw_name.len()..).is_some_and(|rest| trim(rest).starts_with(b":"))
}

/// A carriage return that is no part of a line end: other readers may take it for one.
fn has_stray_return(value: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', value).any(|at| value.get(at + 1) != Some(&b'\n'))
}

fn strict_address(value: &[u8]) -> Result<(), Malformed> {
    let address = NameAddr::parse(value)?;
    if let Some(display) = address.display {
        let quoted = matches!(display, [b'"', .., b'"']);
        let tokens = || display.split(|byte| is_lws(*byte)).all(|word| word.is_empty() || is_token(word));
        if !quoted && !tokens() {
            return Err(Malformed("the display name needs quotation marks"));
        }
    }
    if address.bracketed {
        let written = memchr::memmem::find(value, address.uri).unwrap_or_default();
        let before = value.get(..written).unwrap_or_default();
        let after = value.get(written + address.uri.len()..).unwrap_or_default();
        if !before.ends_with(b"<") || !after.starts_with(b">") {
            return Err(Malformed("there are blanks between the address and its brackets"));
        }
    }
    Ok(())
}
