//! What a proxy meets.

use throughline_sip::{Limits, Message, Name, unfold};

use crate::checks;
use crate::corpus::proxied;

#[test]
fn all_are_taken_and_come_out_as_they_came() {
    for (name, bytes) in proxied() {
        let message = Message::parse(&bytes[..], &Limits::default()).unwrap();
        assert_eq!(message.check().map(drop), Ok(()), "{name}");
        assert!(checks::message(&bytes), "{name}");
        assert!(bytes.windows(message.as_bytes().len()).any(|part| part == message.as_bytes()), "{name}");
        assert_eq!(message.from().unwrap().tag(), Some(&b"a1"[..]), "{name}");
        assert_eq!(message.call_id(), Ok(&b"8f1c@192.0.2.1"[..]), "{name}");
        assert_eq!(message.top_via().unwrap().branch(), Some(&b"z9hG4bK1"[..]), "{name}");
    }
}

#[test]
fn each_peculiarity_is_seen() {
    let all = proxied();
    let read = |name: &str| {
        let (_, bytes) = all.iter().find(|(found, _)| *found == name).unwrap();
        Message::parse(&bytes[..], &Limits::default()).unwrap()
    };
    let address = read("display name that is not UTF-8");
    let address = address.addresses(Name::PAssertedIdentity).next().unwrap().unwrap();
    assert_eq!(address.display, Some(&b"\"Jos\xe9\""[..]));
    assert_eq!(read("body without Content-Length").body(), b"v=0\r\ns=-\r\n");
    assert_eq!(read("bytes after the body").body(), b"v=0");
    assert_eq!(read("tel").request_uri(), Some(&b"tel:+4930123;phone-context=example.com"[..]));
    assert_eq!(read("unknown method").method().unwrap().as_bytes(), b"TRANSMOGRIFY");
    let folded = read("folded tracestate");
    assert_eq!(&*unfold(folded.first("tracestate").unwrap()), b"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE");
    assert_eq!(read("comma-joined Via").vias().count(), 2);
    let six = read("IPv6");
    let six = six.top_via().unwrap();
    assert_eq!(
        (six.host, six.port, six.received()),
        (&b"[2001:db8::9:1]"[..], Some(5060), Some(&b"[2001:db8::9:255]"[..]))
    );
    let long = read("long tracestate");
    assert_eq!(long.all("tracestate").map(<[u8]>::len).collect::<Vec<_>>(), [220 * 23 - 1]);
    assert_eq!(read("LF only").body(), b"v=0\n");
    assert_eq!(read("no last line end at all").headers().len(), 7);
    assert_eq!(read("empty values").all(Name::Subject).collect::<Vec<_>>(), [b"", b""]);
    assert_eq!(read("empty values").all(Name::Supported).collect::<Vec<_>>(), [b"timer"]);
    assert_eq!(read("no Max-Forwards").max_forwards(), Ok(None));
    assert_eq!(read("quoted comma").addresses(Name::Contact).count(), 1);
    assert_eq!(read("comma in a URI").addresses(Name::Contact).count(), 2);
    assert_eq!(read("many headers").headers().len(), 67);
}
