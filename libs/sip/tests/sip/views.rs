//! What the typed views say, part by part.

use throughline_sip::{
    CSeq, Fault, Limits, Message, Method, Name, NameAddr, ParseError, Replaces, SessionId, Start, Uri, Via,
    unescape, unquote,
};

use crate::corpus::{Text, invite};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn uris() {
    type Parts =
        (&'static str, Option<&'static str>, Option<&'static str>, &'static str, Option<u16>, &'static str);
    let table: [(&str, Parts); 9] = [
        ("sip:example.com", ("sip", None, None, "example.com", None, "")),
        ("SIPS:bob:pw@Example.com:5061", ("SIPS", Some("bob"), Some("pw"), "Example.com", Some(5061), "")),
        ("sip:b;x=y?z@a.example;lr?h=v", ("sip", Some("b;x=y?z"), None, "a.example", None, ";lr")),
        ("sip:[2001:db8::1]:5070;lr", ("sip", None, None, "[2001:db8::1]", Some(5070), ";lr")),
        ("sip:bob@[::ffff:192.0.2.1]", ("sip", Some("bob"), None, "[::ffff:192.0.2.1]", None, "")),
        ("sip:a@b?Replaces=c%40d", ("sip", Some("a"), None, "b", None, "")),
        ("tel:+49-30;ext=1", ("tel", Some("+49-30"), None, "", None, ";ext=1")),
        ("urn:service:sos", ("urn", None, None, "", None, "")),
        ("z39.50r://cnri.example/x", ("z39.50r", None, None, "", None, "")),
    ];
    for (raw, expected) in table {
        let uri = Uri::parse(raw.as_bytes()).unwrap();
        let user = uri.user.map(text);
        let parts = (
            text(uri.scheme),
            user,
            uri.password.map(text),
            text(uri.host),
            uri.port,
            text(uri.params.as_bytes()),
        );
        assert_eq!(parts, expected, "{raw}");
    }
    let wrong = [
        "",
        "sip",
        ":x",
        "sip:",
        "sip:@b",
        "sip:a@",
        "sip:a@b:70000",
        "sip:a@b:x",
        "sip:a@b c",
        "<sip:a@b>",
        "sip:a@b@c",
        "sip:[::1",
        "sip:[::1]x",
        "sip:[]",
        "sip:a@b\r\n",
        "tel:",
        "tel:;x",
        "urn:",
        "1a:b",
    ];
    for raw in wrong {
        assert!(Uri::parse(raw.as_bytes()).is_err(), "{raw}");
    }
}

#[test]
fn headers_in_a_uri() {
    let uri =
        Uri::parse(b"sip:bob@b.example?Replaces=12345%40b.example%3Bto-tag%3D1%3Bfrom-tag%3D2&X=&Y").unwrap();
    let headers: Vec<_> = uri.headers().collect();
    assert_eq!(headers.iter().map(|(name, _)| text(name)).collect::<Vec<_>>(), ["Replaces", "X", "Y"]);
    let value = unescape(headers[0].1);
    let replaces = Replaces::parse(&value).unwrap();
    assert_eq!(
        (replaces.call_id, replaces.to_tag, replaces.from_tag),
        (&b"12345@b.example"[..], &b"1"[..], &b"2"[..])
    );
    assert!(!replaces.early_only);
}

#[test]
fn addresses() {
    let table = [
        ("sip:a@b;tag=1", None, "sip:a@b", Some("1")),
        ("<sip:a@b;tag=no>;TAG=1", None, "sip:a@b;tag=no", Some("1")),
        ("\"A, \\\"B\\\" <c>\" <sip:a@b> ; tag = 1", Some("\"A, \\\"B\\\" <c>\""), "sip:a@b", Some("1")),
        ("Alice  Example <tel:+1>", Some("Alice  Example"), "tel:+1", None),
        ("Alice<sip:a@b>;x=\"a;tag=2\";tag=1", Some("Alice"), "sip:a@b", Some("1")),
        ("\"\" <sip:a@b>;tag", Some("\"\""), "sip:a@b", None),
        ("*", None, "*", None),
        ("A\r\n <sip:a@b>\r\n ;tag=1", Some("A"), "sip:a@b", Some("1")),
    ];
    for (value, display, uri, tag) in table {
        let address = NameAddr::parse(value.as_bytes()).unwrap();
        assert_eq!(
            (address.display.map(text), text(address.uri), address.tag().map(text)),
            (display, uri, tag),
            "{value}"
        );
    }
    for value in [
        "",
        ";tag=1",
        "\"a <sip:a@b>",
        "<sip:a@b",
        "<sip:a@b> x",
        "sip:a@b?c=d",
        "\"a\" b <sip:a@b>",
        "sip:a;x=\"",
    ] {
        assert!(NameAddr::parse(value.as_bytes()).is_err(), "{value}");
    }
    assert_eq!(&*unquote(b"\"A \\\\ \\\"B\\\"\""), b"A \\ \"B\"");
}

#[test]
fn vias() {
    let via = Via::parse(
        b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
    )
    .unwrap();
    assert_eq!((text(via.transport), text(via.host), via.port), ("UDP", "first.example.com", Some(4000)));
    assert_eq!(via.params.value("TTL").map(text), Some("16"));
    assert_eq!(via.transaction(), via.branch());
    let asked = |value: &'static str| Via::parse(value.as_bytes()).unwrap();
    assert!(asked("SIP/2.0/WSS a;rport").wants_rport() && asked("SIP/2.0/WSS a;rport=").wants_rport());
    let told = asked("SIP/2.0/TCP [::1]:5;rport=6;received=192.0.2.1;branch=z9hG4bK");
    assert_eq!((told.wants_rport(), told.rport(), told.transaction()), (false, Some(6), None));
    let wrong = [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ;branch=1",
        "SIP/3.0/UDP a",
        "HTTP/2.0/UDP a",
        "SIP/2.0 a",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a:99999",
        "SIP/2.0/UDP a;x=\"",
        "/",
        "//",
    ];
    for value in wrong {
        assert!(Via::parse(value.as_bytes()).is_err(), "{value}");
    }
}

#[test]
fn other_fields() {
    assert_eq!(CSeq::parse(b"0009\r\n  INVITE"), Ok(CSeq { number: 9, method: Method::Invite }));
    for value in ["", "1", "INVITE", "-1 BYE", "2147483648 BYE", "1 BYE BYE", "36893488147419103232 BYE"] {
        assert!(CSeq::parse(value.as_bytes()).is_err(), "{value}");
    }
    let replaces = Replaces::parse(b"98732@a ;from-tag=r33th4x0r;to-tag=ff87ff;early-only").unwrap();
    assert!(replaces.early_only && replaces.to_tag == b"ff87ff");
    assert!(
        Replaces::parse(b"98732@a;from-tag=1").is_err() && Replaces::parse(b";to-tag=1;from-tag=1").is_err()
    );
    let session =
        SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2")
            .unwrap();
    assert_eq!(session.remote, Some(&b"47755a9de7794ba387653f2099600ef2"[..]));
    assert!(SessionId::parse(b"ab30").is_err() && SessionId::parse(&[b'g'; 32]).is_err());
}

#[test]
fn names_and_methods() {
    assert_eq!(Name::from("v"), Name::Via);
    assert_eq!(Name::Other(b"CALL-id"), Name::CallId);
    assert_eq!(Name::from("x-traceparent"), Name::Other(b"X-Traceparent"));
    assert_ne!(Name::from("x"), Name::Other(b"X-Traceparent"));
    assert_eq!(Name::from("x"), Name::SessionExpires);
    assert_eq!(Method::from("INVITE"), Method::Invite);
    assert_ne!(Method::from("invite"), Method::Invite);
}

#[test]
fn a_header_that_may_stand_once() {
    let Text(bytes) = invite(
        "i: other\r\nSubject: a, b\r\nAuthorization: Digest a=\"1\", b=2\r\nRoute: <sip:a,b>,<sip:c>\r\n",
        "",
    );
    let message = Message::parse(&bytes[..], &Limits::default()).unwrap();
    assert!(message.get(Name::CallId).is_err());
    assert_eq!(message.call_id(), Err(Fault::Repeated(Name::CallId)));
    assert_eq!(message.get("subject"), Ok(Some(&b"a, b"[..])));
    assert_eq!(message.all("authorization").count(), 1);
    assert_eq!(message.all(Name::Route).map(text).collect::<Vec<_>>(), ["<sip:a,b>", "<sip:c>"]);
    assert_eq!(message.refer_to(), Ok(None));
    assert_eq!(message.max_forwards(), Ok(Some(70)));
}

#[test]
fn first_lines() {
    let read = |line: &'static str| {
        Message::parse(line.as_bytes(), &Limits::default()).map(|message| match message.start() {
            Start::Request { method, uri, .. } => format!("{method}|{}", text(uri)),
            Start::Status { code, reason, .. } => format!("{code}|{}", text(reason)),
        })
    };
    assert_eq!(read("SIP/2.0 180 Ringing there\r\n\r\n").unwrap(), "180|Ringing there");
    assert_eq!(read("SIP/2.0 100\n").unwrap(), "100|");
    assert_eq!(read("OPTIONS  sip:a  SIP/2.0  ").unwrap(), "OPTIONS|sip:a");
    for line in [
        "GET / HTTP/1.1\r\n",
        "SIP/2.0 42 x",
        "SIP/2.0 4294967301 x",
        "SIP/2.0 OK",
        "INVITE SIP/2.0",
        " a sip:b SIP/2.0",
        "\0\u{1}",
        "x",
    ] {
        assert_eq!(read(line), Err(ParseError::NotSip), "{line}");
    }
    assert_eq!(read("\r\n\r\n"), Err(ParseError::Empty));
    assert_eq!(read(""), Err(ParseError::Empty));
}

#[test]
fn limits_hold() {
    let Text(bytes) = invite("A: 1\r\nB: 2\r\n", "body");
    let read = |limits| Message::parse(&bytes[..], &limits).map(|_| ());
    let whole = Limits { message: bytes.len(), head: bytes.len() - 4, start_line: 36, headers: 9 };
    assert_eq!(read(whole), Ok(()));
    assert_eq!(read(Limits { message: whole.message - 1, ..whole }), Err(ParseError::MessageTooLong));
    assert_eq!(read(Limits { head: 100, ..whole }), Err(ParseError::HeadTooLong));
    assert_eq!(read(Limits { start_line: 35, ..whole }), Err(ParseError::StartLineTooLong));
    assert_eq!(read(Limits { headers: 8, ..whole }), Err(ParseError::TooManyHeaders));
}

#[test]
fn what_is_refused_is_said() {
    let verdict = |from: &str, to: &str| {
        let Text(bytes) = invite("Content-Length: 0\r\n", "").with(from, to);
        let message = Message::parse(&bytes[..], &Limits::default()).unwrap();
        message.check().unwrap_err().to_string()
    };
    assert_eq!(verdict("Via:", "Vib:"), "Via is missing");
    assert_eq!(verdict("SIP/2.0\r\n", "SIP/2.1\r\n"), "the version is not SIP/2.0");
    assert_eq!(
        verdict("Max-Forwards: 70", "Max-Forwards 70"),
        "a line among the headers has no colon, no name, or a stray line end"
    );
    assert_eq!(
        verdict("Max-Forwards: 70", "Subject: a\rVia: b"),
        "a line among the headers has no colon, no name, or a stray line end"
    );
    assert_eq!(
        verdict("Content-Length: 0", "Content-Length: 1"),
        "the body is shorter than Content-Length says"
    );
    assert_eq!(verdict("CSeq: 1 INVITE", "CSeq: 1 BYE"), "CSeq names another method than the request line");
    assert_eq!(
        verdict("To: <sip:bob", "To: <sip:b ob"),
        "To: the URI holds a blank, a bracket or a quotation mark"
    );
}

#[test]
fn every_form_of_every_name_is_found() {
    let compact = "abcdefijklmnorstuvxy";
    for letter in compact.chars() {
        let upper = letter.to_ascii_uppercase().to_string();
        let name = Name::from(&*letter.to_string()).as_bytes().to_owned();
        assert!(name.len() > 1, "{letter}");
        assert_eq!(Name::from(&*upper), Name::from(&*name), "{letter}");
        assert_eq!(Name::from(&*name.to_ascii_uppercase()).as_bytes(), name);
    }
    for unknown in ["", "g", "h", "p", "q", "w", "z", "Vi", "Viaa", "Via ", "Call_ID", "traceparent"] {
        assert_eq!(Name::from(unknown).as_bytes(), unknown.as_bytes());
        assert!(!Name::from(unknown).is_list());
    }
}
