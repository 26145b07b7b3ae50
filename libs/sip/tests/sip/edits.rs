//! What a proxy changes, and that nothing else does.

use expect_test::expect;
use throughline_sip::{EditError, Limits, Message, Name};

use crate::corpus::{Text, invite};

fn parse(bytes: &[u8]) -> Message<&[u8]> {
    Message::parse(bytes, &Limits::default()).unwrap()
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[test]
fn a_request_passes_a_proxy() {
    let Text(bytes) = invite("Route: <sip:p1;lr>, <sip:p2;lr>\r\nX-Keep:  \t odd\r\n", "v=0\r\n");
    let request = parse(&bytes);
    let via = request.top_via().unwrap();
    let mut edit = request.edit();
    edit.set_request_uri("sip:bob@192.0.2.30").unwrap();
    edit.set_param(via.params, "received", Some(b"203.0.113.7")).unwrap();
    edit.set_param(via.params, "rport", Some(b"49152")).unwrap();
    edit.prepend(Name::Via, "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK2").unwrap();
    edit.prepend(Name::RecordRoute, "<sip:192.0.2.20;lr>").unwrap();
    assert_eq!(edit.remove_first(Name::Route, 1), Ok(1));
    edit.set(Name::MaxForwards, "69").unwrap();
    edit.append("traceparent", "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01").unwrap();
    expect![[r#"
        INVITE sip:bob@192.0.2.30 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK2
        Record-Route: <sip:192.0.2.20;lr>
        Via: SIP/2.0/UDP 192.0.2.1:5060;rport=49152;branch=z9hG4bK1;received=203.0.113.7
        Max-Forwards: 69
        From: "Alice" <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>
        Call-ID: 8f1c@192.0.2.1
        CSeq: 1 INVITE
        Contact: <sip:alice@192.0.2.1:5060;transport=udp>
        Route: <sip:p2;lr>
        X-Keep:  	 odd
        traceparent: 00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01

        v=0
    "#]]
    .assert_eq(&shown(&edit.write()));
}

#[test]
fn a_response_loses_the_proxys_via() {
    let with = |vias: &str| {
        let text = format!("SIP/2.0 200 OK\r\n{vias}\r\nCall-ID: 1\r\n\r\n").into_bytes();
        let message = parse(&text);
        let mut edit = message.edit();
        let count = edit.remove_first(Name::Via, 1).unwrap();
        (count, shown(&edit.write()))
    };
    assert_eq!(with("Via: A\r\nv: B"), (1, "SIP/2.0 200 OK\nv: B\nCall-ID: 1\n\n".to_owned()));
    assert_eq!(with("Via: A ,\r\n  B, C"), (1, "SIP/2.0 200 OK\nVia: B, C\nCall-ID: 1\n\n".to_owned()));
    assert_eq!(with("Via: A ,\r\nVia: B"), (1, "SIP/2.0 200 OK\nVia: B\nCall-ID: 1\n\n".to_owned()));
    assert_eq!(with("Via: ,\r\nX: B"), (0, "SIP/2.0 200 OK\nVia: ,\nX: B\nCall-ID: 1\n\n".to_owned()));
}

#[test]
fn several_values_of_several_lines_go() {
    let Text(bytes) = invite("Route: <sip:a>, <sip:b>\r\nRoute: <sip:c>,<sip:d>, <sip:e>\r\n", "");
    let request = parse(&bytes);
    for count in 0..7 {
        let mut edit = request.edit();
        assert_eq!(edit.remove_first(Name::Route, count), Ok(count.min(5)));
        let written = edit.write();
        assert!(parse(&written).all(Name::Route).eq(request.all(Name::Route).skip(count)), "{count}");
    }
}

#[test]
fn a_part_of_a_value_changes() {
    let Text(bytes) = invite(
        "r: \"Sales\" <sip:sales@example.com;a=1;xt=0aef;b?Replaces=x%40y&User-to-User=00ff>;p=q\r\n",
        "",
    );
    let request = parse(&bytes);
    let uri = request.refer_to().unwrap().unwrap().uri().unwrap();
    let written = |change: &dyn Fn(&mut throughline_sip::Edit<'_>)| {
        let mut edit = request.edit();
        change(&mut edit);
        let written = edit.write();
        String::from_utf8(parse(&written).first(Name::ReferTo).unwrap().to_vec()).unwrap()
    };
    let head = "\"Sales\" <sip:sales@example.com";
    let tail = "?Replaces=x%40y&User-to-User=00ff>;p=q";
    let param = |name: &str| uri.params.get(name).unwrap();
    assert_eq!(written(&|edit| drop(edit.remove_param(param("xt")))), format!("{head};a=1;b{tail}"));
    assert_eq!(
        written(&|edit| drop(edit.set_param(uri.params, "XT", Some(b"1")))),
        format!("{head};a=1;XT=1;b{tail}")
    );
    assert_eq!(
        written(&|edit| drop(edit.set_param(uri.params, "lr", None))),
        format!("{head};a=1;xt=0aef;b;lr{tail}")
    );
    assert_eq!(
        written(&|edit| drop(edit.replace(uri.user.unwrap(), "4711"))),
        format!("\"Sales\" <sip:4711@example.com;a=1;xt=0aef;b{tail}")
    );
    let (_, value) = uri.headers().last().unwrap();
    assert!(written(&|edit| drop(edit.replace(value, "01aa"))).ends_with("&User-to-User=01aa>;p=q"));
    let address = request.refer_to().unwrap().unwrap();
    assert!(written(&|edit| drop(edit.set_param(address.params, "m", Some(b"1")))).ends_with(">;p=q;m=1"));
    assert!(written(&|edit| drop(edit.insert_after(uri.raw, "&X=1"))).ends_with("00ff&X=1>;p=q"));
}

#[test]
fn headers_are_set_and_removed() {
    let Text(bytes) = invite("Subject:\r\nX-A: 1\r\nx-a: 2\r\n", "old");
    let request = parse(&bytes);
    let mut edit = request.edit();
    edit.remove(request.headers_named(Name::MaxForwards).next().unwrap()).unwrap();
    edit.set(Name::Subject, "new").unwrap().set("X-a", "3").unwrap().set_body("longer than before").unwrap();
    assert_eq!(edit.remove_all(Name::Contact), Ok(1));
    assert_eq!(edit.remove_all("nothing"), Ok(0));
    let written = edit.write();
    expect![[r#"
        INVITE sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1
        From: "Alice" <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>
        Call-ID: 8f1c@192.0.2.1
        CSeq: 1 INVITE
        Subject: new
        X-A: 3
        Content-Length: 18

        longer than before"#]]
    .assert_eq(&shown(&written));
    assert_eq!(parse(&written).check_strictly(), Ok(()));
}

#[test]
fn what_would_break_the_message_is_an_error() {
    let Text(bytes) = invite("", "body");
    let request = parse(&bytes);
    let (from, other) = (request.from().unwrap(), bytes.clone());
    let mut edit = request.edit();
    for value in ["a\r\nX: b", "a\nb", "a\rb", "a\r\n", "\n"] {
        assert_eq!(edit.append("X", value).err(), Some(EditError::LineBreak), "{value:?}");
        assert_eq!(edit.replace(from.uri, value).err(), Some(EditError::LineBreak), "{value:?}");
    }
    assert!(edit.append("X", "folded,\r\n as it came").is_ok());
    assert_eq!(edit.append("X Y", "1").err(), Some(EditError::NotAToken));
    assert_eq!(edit.set_param(from.params, "a=b", None).err(), Some(EditError::NotAToken));
    let header = request.headers().next().unwrap();
    assert_eq!(edit.replace(header.raw, "X: y").err(), Some(EditError::LineBreak));
    assert_eq!(edit.insert_after(header.raw, "X: y").err(), Some(EditError::LineBreak));
    assert_eq!(edit.set_request_uri("sip:a b").err(), Some(EditError::NotAUri));
    assert_eq!(edit.replace(&other[30..34], "x").err(), Some(EditError::Foreign));
    assert_eq!(edit.replace(request.body(), "x").err(), Some(EditError::Foreign));
    assert!(edit.replace(from.uri, "sip:anonymous@anonymous.invalid").is_ok());
    assert_eq!(edit.replace(from.uri, "sip:b@c").err(), Some(EditError::Overlap));
    assert_eq!(edit.remove_all(Name::From).err(), Some(EditError::Overlap));
    assert!(edit.set_param(from.params, "x", None).is_ok());
    assert_eq!(
        parse(b"SIP/2.0 200 OK\r\n\r\n").edit().set_request_uri("sip:a").err(),
        Some(EditError::NotARequest)
    );
}
