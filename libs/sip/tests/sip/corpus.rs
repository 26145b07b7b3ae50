//! Messages that several tests read.

use std::path::Path;

/// The messages of RFC 4475 by name.
pub(crate) fn torture() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "sip"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    assert_eq!(all.len(), 49);
    all
}

/// What a proxy meets and a parser may stumble over.
pub(crate) fn proxied() -> Vec<(&'static str, Vec<u8>)> {
    let long = format!("tracestate: {}\r\n", vec!["vendor=value0123456789"; 220].join(","));
    vec![
        ("plain", invite("", "")),
        (
            "display name that is not UTF-8",
            invite("P-Asserted-Identity: \"Jos\u{0}\" <sip:a@b>\r\n", "").replace(0, 0xe9),
        ),
        ("body without Content-Length", invite("", "v=0\r\ns=-\r\n")),
        ("bytes after the body", invite("Content-Length: 3\r\n", "v=0 and more")),
        ("tel", invite("", "").with("sip:bob@example.com SIP", "tel:+4930123;phone-context=example.com SIP")),
        ("urn", invite("", "").with("sip:bob@example.com SIP", "urn:service:sos SIP")),
        (
            "unknown method",
            invite("", "").with("INVITE sip", "TRANSMOGRIFY sip").with("1 INVITE", "1 TRANSMOGRIFY"),
        ),
        ("folded tracestate", invite("tracestate: rojo=00f067aa0ba902b7,\r\n\tcongo=t61rcWkgMzE\r\n", "")),
        (
            "comma-joined Via",
            invite("", "").with(
                "branch=z9hG4bK1\r\n",
                "branch=z9hG4bK1, SIP/2.0/TCP b.example.com;branch=z9hG4bK2\r\n",
            ),
        ),
        ("IPv6", invite("", "").with("192.0.2.1:5060;", "[2001:db8::9:1]:5060;received=[2001:db8::9:255];")),
        (
            "IPv6 Request-URI",
            invite("", "").with("sip:bob@example.com SIP", "sip:bob@[2001:db8::10]:5070 SIP"),
        ),
        (
            "; in the user part",
            invite("", "").with("sip:bob@example.com SIP", "sip:bob;x=y?z@example.com;lr SIP"),
        ),
        ("blank before the colon", invite("", "").with("Call-ID:", "Call-ID \t:")),
        (
            "compact names",
            invite("", "").with("Via:", "v:").with("From:", "f:").with("To:", "t:").with("Call-ID:", "i:"),
        ),
        ("long tracestate", invite(&long, "")),
        ("LF only", invite("Content-Length: 4\r\n", "v=0\n").lf()),
        ("no last line end", invite("", "").without_last(2)),
        ("no last line end at all", invite("", "").without_last(4)),
        ("line ends before it", invite("", "").prefixed(b"\r\n\r\n")),
        ("odd case", invite("", "").with("Call-ID:", "cALL-iD:").with("Via:", "vIA:").with("CSeq:", "CSEQ:")),
        ("empty values", invite("Subject:\r\ns: \r\nSupported: ,, timer ,\r\n", "")),
        ("no Max-Forwards", invite("", "").with("Max-Forwards: 70\r\n", "")),
        ("quoted comma", invite("", "").with("Contact: <", "Contact: \"Bob, \\\"the one\\\"\" <")),
        (
            "comma in a URI",
            invite("", "").with("Contact: <sip:alice@", "Contact: <sip:a,b@192.0.2.9>, <sip:alice@"),
        ),
        ("no space after colons", invite("", "").with(": ", ":")),
        ("many headers", invite(&"X-Filler: 1\r\n".repeat(60), "")),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.0))
    .collect()
}

pub(crate) struct Text(pub(crate) Vec<u8>);

/// An INVITE with more headers and a body.
pub(crate) fn invite(headers: &str, body: &str) -> Text {
    Text(
        format!(
            "INVITE sip:bob@example.com SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\r\n\
             Max-Forwards: 70\r\n\
             From: \"Alice\" <sip:alice@example.com>;tag=a1\r\n\
             To: <sip:bob@example.com>\r\n\
             Call-ID: 8f1c@192.0.2.1\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:alice@192.0.2.1:5060;transport=udp>\r\n\
             {headers}\r\n{body}"
        )
        .into_bytes(),
    )
}

impl Text {
    pub(crate) fn with(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.0).unwrap();
        assert!(text.contains(from), "{from}");
        Self(text.replace(from, to).into_bytes())
    }

    fn replace(mut self, from: u8, to: u8) -> Self {
        self.0.iter_mut().filter(|byte| **byte == from).for_each(|byte| *byte = to);
        self
    }

    fn lf(mut self) -> Self {
        self.0.retain(|byte| *byte != b'\r');
        self
    }

    fn without_last(mut self, count: usize) -> Self {
        self.0.truncate(self.0.len() - count);
        self
    }

    fn prefixed(self, prefix: &[u8]) -> Self {
        Self([prefix, &self.0].concat())
    }
}
