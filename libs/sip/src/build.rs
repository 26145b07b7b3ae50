use bytes::Bytes;

use crate::fault::Fault;
use crate::message::{Message, Start};
use crate::method::Method;
use crate::name::Name;
use crate::scan::is_token;
use crate::text::{self, EditError};

/// A message made from nothing, or to answer another one. What cannot be written is remembered and said by
/// [`build`](Self::build).
#[derive(Clone, Debug)]
pub struct Builder {
    head: Vec<u8>,
    body: Vec<u8>,
    wrong: Option<EditError>,
}

impl Builder {
    /// A request with nothing but its first line.
    pub fn request<'a>(method: impl Into<Method<'a>>, uri: impl AsRef<[u8]>) -> Self {
        let mut new = Self::new();
        new.write(text::token(method.into().as_bytes()));
        new.write(Ok(b" "));
        new.write(text::uri(uri.as_ref()));
        new.write(Ok(b" SIP/2.0\r\n"));
        new
    }

    /// A response with nothing but its first line.
    pub fn response(code: u16, reason: impl AsRef<[u8]>) -> Self {
        let mut new = Self::new();
        if !(100..=999).contains(&code) {
            new.wrong = Some(EditError::NotAStatus);
        }
        new.write(Ok(format!("SIP/2.0 {code} ").as_bytes()));
        new.write(text::in_line(reason.as_ref()));
        new.write(Ok(b"\r\n"));
        new
    }

    /// The response to a request (RFC 3261, section 8.2.6): Via, From, To, Call-ID and CSeq are the request's, and To
    /// gets the tag if it has none. A 100 also repeats the Timestamp.
    pub fn reply<B: AsRef<[u8]>>(
        request: &Message<B>,
        code: u16,
        reason: impl AsRef<[u8]>,
        to_tag: Option<&[u8]>,
    ) -> Self {
        let mut new = Self::response(code, reason).copy(request, Name::Via).copy(request, Name::From);
        match (to_tag, request.to()) {
            (Some(tag), Ok(to)) if to.tag().is_none() => {
                let value = request.first(Name::To).unwrap_or_default();
                if !is_token(tag) {
                    new.wrong.get_or_insert(EditError::NotAToken);
                }
                new = new.header(Name::To, [value, b";tag=", tag].concat());
            }
            _ => new = new.copy(request, Name::To),
        }
        new = new.copy(request, Name::CallId).copy(request, Name::CSeq);
        if code == 100 { new.copy(request, Name::Timestamp) } else { new }
    }

    /// The ACK to a response that is not a 2xx (RFC 3261, section 17.1.1.3).
    pub fn ack<B: AsRef<[u8]>, C: AsRef<[u8]>>(
        invite: &Message<B>,
        response: &Message<C>,
    ) -> Result<Self, Fault> {
        Self::follow(invite, Method::Ack, response.first(Name::To))
    }

    /// The CANCEL of a request (RFC 3261, section 9.1).
    pub fn cancel<B: AsRef<[u8]>>(request: &Message<B>) -> Result<Self, Fault> {
        Self::follow(request, Method::Cancel, request.first(Name::To))
    }

    /// Adds a header.
    #[must_use]
    pub fn header<'a>(mut self, name: impl Into<Name<'a>>, value: impl AsRef<[u8]>) -> Self {
        match text::header(name.into(), value.as_ref()) {
            Ok(parts) => self.head.extend(parts.into_iter().flatten()),
            Err(wrong) => _ = self.wrong.get_or_insert(wrong),
        }
        self
    }

    /// Adds all headers of a name that another message has, in its order.
    #[must_use]
    pub fn copy<'a, B: AsRef<[u8]>>(mut self, from: &'a Message<B>, name: impl Into<Name<'a>>) -> Self {
        for header in from.headers_named(name) {
            for part in [header.raw_name, b": ", header.value, b"\r\n"] {
                self.head.extend_from_slice(part);
            }
        }
        self
    }

    /// Gives the message a body and its Content-Type.
    #[must_use]
    pub fn body(self, content_type: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        let mut new = self.header(Name::ContentType, content_type);
        new.body = body.as_ref().to_vec();
        new
    }

    /// The message, with its Content-Length as the last header.
    pub fn build(mut self) -> Result<Bytes, EditError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        self.head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        self.head.append(&mut self.body);
        Ok(self.head.into())
    }

    fn new() -> Self {
        Self { head: Vec::with_capacity(512), body: Vec::new(), wrong: None }
    }

    /// A request in the transaction of another one.
    fn follow<B: AsRef<[u8]>>(
        request: &Message<B>,
        method: Method<'static>,
        to: Option<&[u8]>,
    ) -> Result<Self, Fault> {
        let Start::Request { uri, .. } = request.start() else { return Err(Fault::Missing(Name::CSeq)) };
        let via = request.top_via()?;
        let cseq = request.cseq()?;
        let call_id = request.call_id()?;
        let from = request.first(Name::From).ok_or(Fault::Missing(Name::From))?;
        let to = to.ok_or(Fault::Missing(Name::To))?;
        Ok(Self::request(method, uri)
            .header(Name::Via, via.raw)
            .header(Name::MaxForwards, "70")
            .copy(request, Name::Route)
            .header(Name::From, from)
            .header(Name::To, to)
            .header(Name::CallId, call_id)
            .header(Name::CSeq, format!("{} {method}", cseq.number)))
    }

    fn write(&mut self, text: Result<&[u8], EditError>) {
        match text {
            Ok(text) => self.head.extend_from_slice(text),
            Err(wrong) => _ = self.wrong.get_or_insert(wrong),
        }
    }
}
