//! A message as an agent sees it: read whole, written whole.

use super::text::{list, param, split_commas};

/// The most that is read as one message.
pub const MAX_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub start: Start,
    /// In order, by their long names where they came with short ones.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Request { method: String, uri: String },
    Response { status: u16, reason: String },
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("no empty line ends the headers")]
    NoEnd,
    #[error("the first line is of no request and no response")]
    Start,
    #[error("a header without a colon")]
    Header,
    #[error("more headers or bytes than are read")]
    TooMuch,
}

impl Message {
    /// Reads one whole message: a datagram, or what a stream's framing cut out.
    pub fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        if bytes.len() > MAX_BYTES {
            return Err(Wrong::TooMuch);
        }
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or(Wrong::NoEnd)?;
        let mut lines = head.split("\r\n");
        let start = start(lines.next().unwrap_or_default()).ok_or(Wrong::Start)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), headers.last_mut()) {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(Wrong::Header)?;
            headers.push((long(name.trim()).to_owned(), value.trim().to_owned()));
            if headers.len() > MAX_HEADERS {
                return Err(Wrong::TooMuch);
            }
        }
        let mut message = Self { start, headers, body: String::new() };
        let length = message.get("Content-Length").and_then(|length| length.parse().ok());
        message.body = length.and_then(|length| body.get(..length)).unwrap_or(body).to_owned();
        Ok(message)
    }

    pub fn request(method: &str, uri: &str) -> Self {
        let start = Start::Request { method: method.to_owned(), uri: uri.to_owned() };
        Self { start, headers: Vec::new(), body: String::new() }
    }

    /// The answer to a request, with what RFC 3261, section 8.2.6, copies from it.
    pub fn answer(to: &Self, status: u16, reason: &str) -> Self {
        let copied = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"];
        let headers = to.headers.iter().filter(|(name, _)| {
            copied.iter().any(|copied| name.eq_ignore_ascii_case(copied))
                && (status > 100 || !name.eq_ignore_ascii_case("Record-Route"))
        });
        let start = Start::Response { status, reason: reason.to_owned() };
        Self { start, headers: headers.cloned().collect(), body: String::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn with_all(mut self, headers: &[(String, String)]) -> Self {
        self.headers.extend_from_slice(headers);
        self
    }

    #[must_use]
    pub fn with_body(mut self, kind: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.with("Content-Type", kind)
    }

    /// The first of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The values of a header that may be written as several, or as one with commas.
    pub fn values<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        list(self.all(name).flat_map(split_commas))
    }

    /// Replaces the first of this name, or adds it.
    pub fn set(&mut self, name: &str, value: String) {
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// Nothing for a response.
    pub fn method(&self) -> Option<&str> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    pub fn uri(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => "",
        }
    }

    /// Nothing for a request.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    pub fn call_id(&self) -> &str {
        self.get("Call-ID").unwrap_or_default()
    }

    /// The number and the method.
    pub fn sequence(&self) -> Option<(u32, &str)> {
        let (number, method) = self.get("CSeq")?.split_once(' ')?;
        Some((number.parse().ok()?, method.trim()))
    }

    /// Of the topmost Via.
    pub fn branch(&self) -> &str {
        self.values("Via").first().and_then(|via| param(via, "branch")).unwrap_or_default()
    }

    pub fn tag(&self, of: &str) -> Option<&str> {
        self.get(of).and_then(|value| param(value, "tag"))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Response { status, reason } => format!("SIP/2.0 {status} {reason}\r\n"),
        };
        for (name, value) in
            self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"))
        {
            text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}

fn start(line: &str) -> Option<Start> {
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status.parse().ok().filter(|status| (100..700).contains(status))?;
        return Some(Start::Response { status, reason: reason.to_owned() });
    }
    let mut words = line.split(' ');
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    let whole = words.next().is_none() && version == "SIP/2.0" && !method.is_empty() && !uri.is_empty();
    whole.then(|| Start::Request { method: method.to_owned(), uri: uri.to_owned() })
}

fn long(name: &str) -> &str {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "c" => "Content-Type",
        "l" => "Content-Length",
        "r" => "Refer-To",
        "b" => "Referred-By",
        "k" => "Supported",
        "o" => "Event",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:+44@10.0.0.1:5060;x=y SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa, \
                          SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKb\r\nf: \"A, B\" <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\n\
                          i: x@y\r\nCSeq: 7 INVITE\r\nSubject: one\r\n two\r\nl: 2\r\n\r\nhi and more";

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let read = Message::parse(INVITE.as_bytes()).unwrap();
        assert_eq!((read.method(), read.uri()), (Some("INVITE"), "sip:+44@10.0.0.1:5060;x=y"));
        assert_eq!(read.values("via").len(), 2);
        assert_eq!(read.branch(), "z9hG4bKa");
        assert_eq!((read.tag("From"), read.tag("To")), (Some("1"), None));
        assert_eq!(read.sequence(), Some((7, "INVITE")));
        assert_eq!(read.get("subject"), Some("one two"));
        assert_eq!(read.body, "hi");
        let mut again = Message::parse(&read.bytes()).unwrap();
        again.headers.sort();
        let mut headers = read.headers.clone();
        headers.sort();
        assert_eq!(again.headers, headers);
    }

    #[test]
    fn an_answer_has_what_belongs_to_the_request() {
        let read = Message::parse(INVITE.as_bytes()).unwrap();
        let answer = Message::answer(&read, 180, "Ringing");
        assert_eq!((answer.status(), answer.branch(), answer.call_id()), (Some(180), "z9hG4bKa", "x@y"));
        assert_eq!(answer.get("Subject"), None);
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (text, wrong) in [
            ("INVITE sip:a SIP/2.0\r\n", Wrong::NoEnd),
            ("INVITE  sip:a SIP/2.0\r\n\r\n", Wrong::Start),
            ("INVITE sip:a SIP/3.0\r\n\r\n", Wrong::Start),
            ("SIP/2.0 99 no\r\n\r\n", Wrong::Start),
            ("SIP/2.0 200 OK\r\nnothing\r\n\r\n", Wrong::Header),
        ] {
            assert_eq!(Message::parse(text.as_bytes()), Err(wrong), "{text}");
        }
        let many = format!("SIP/2.0 200 OK\r\n{}\r\n", "a: b\r\n".repeat(300));
        assert_eq!(Message::parse(many.as_bytes()), Err(Wrong::TooMuch));
    }
}
