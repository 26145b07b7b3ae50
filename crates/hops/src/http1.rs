//! HTTP/1.1 heads, byte for byte: libraries lower-case names, trim values and sort lines, which is what is looked for.

mod wire;

pub use wire::{Message, Problem, read_body, read_head};

use crate::field::{Field, text};

/// A first line and the fields behind it, in order, as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub start: String,
    pub fields: Vec<Field>,
}

/// Of a head; a `tracestate` of 64 kB and the headers beside it fit.
pub const MAX_HEAD: usize = 256 * 1024;
const MAX_FIELDS: usize = 512;

impl Head {
    /// Reads what stands before the empty line, the empty line apart.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines =
            bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let start = text(lines.next()?);
        let mut fields = Vec::new();
        for line in lines {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, raw) = (line.get(..colon)?, line.get(colon + 1..)?);
            // White space before the colon, and lines that go on, are what request smuggling is made of.
            if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) || fields.len() == MAX_FIELDS {
                return None;
            }
            fields.push(Field::new(text(name), text(raw)));
        }
        Some(Self { start, fields })
    }

    /// The status of an answer.
    pub fn status(&self) -> Option<u16> {
        let mut parts = self.start.splitn(3, ' ');
        parts.next().filter(|version| version.starts_with("HTTP/1."))?;
        parts.next()?.parse().ok().filter(|status| (100..1000).contains(status))
    }

    /// Method, target and version of a request.
    pub fn request(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.start.split(' ');
        let request = (parts.next()?, parts.next()?, parts.next()?);
        (parts.next().is_none() && request.2.starts_with("HTTP/1.")).then_some(request)
    }

    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let values = self.fields.iter().filter(|field| field.is(name)).map(Field::value);
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_stay_as_they_are() {
        let head =
            Head::parse(b"GET /a HTTP/1.1\r\nHost: x\r\nTraceParent: \t 00 \r\nempty:\r\nx: \xe9").unwrap();
        assert_eq!(head.request(), Some(("GET", "/a", "HTTP/1.1")));
        let fields: Vec<_> = head.fields.iter().map(|f| (f.name.as_str(), f.raw.as_str())).collect();
        assert_eq!(fields, [("Host", " x"), ("TraceParent", " \t 00 "), ("empty", ""), ("x", " \u{e9}")]);
        assert_eq!(head.fields[1].value(), "00");
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for bad in
            [&b"GET / HTTP/1.1\r\nname : x"[..], b"GET / HTTP/1.1\r\na: b\r\n c", b"GET / HTTP/1.1\r\nx"]
        {
            assert_eq!(Head::parse(bad), None);
        }
    }

    proptest! {
        #[test]
        fn total(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(head) = Head::parse(&bytes) {
                let _ = (head.status(), head.request(), head.has_token("connection", "close"));
            }
        }
    }
}
