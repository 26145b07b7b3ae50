//! Messages made from nothing, and answers.

use expect_test::expect;
use throughline_sip::{Builder, EditError, Limits, Message, Method, Name};

use crate::corpus::{Text, invite, torture};

fn parse(bytes: &[u8]) -> Message<&[u8]> {
    Message::parse(bytes, &Limits::default()).unwrap()
}

#[test]
fn an_invite_its_responses_its_ack_and_its_cancel() {
    let invite = Builder::request(Method::Invite, "sip:bob@example.com")
        .header(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(Name::From, "<sip:a@example.com>;tag=1")
        .header(Name::To, "<sip:bob@example.com>")
        .header(Name::CallId, "c1")
        .header(Name::CSeq, "7 INVITE")
        .header(Name::Route, "<sip:p1;lr>")
        .header(Name::Timestamp, "54")
        .header("X-Probe", "1")
        .body("application/sdp", "v=0\r\n")
        .build()
        .unwrap();
    let invite = parse(&invite);
    assert_eq!(invite.check_strictly(), Ok(()));
    assert_eq!(invite.body(), b"v=0\r\n");
    let busy = Builder::reply(&invite, 486, "Busy Here", Some(b"t2"))
        .header("Reason", "Q.850;cause=17")
        .build()
        .unwrap();
    let trying = Builder::reply(&invite, 100, "Trying", None).build().unwrap();
    let ack = Builder::ack(&invite, &parse(&busy)).unwrap().build().unwrap();
    let cancel = Builder::cancel(&invite).unwrap().build().unwrap();
    let all = [&busy, &trying, &ack, &cancel].map(|bytes| {
        assert_eq!(parse(bytes).check_strictly(), Ok(()));
        String::from_utf8_lossy(bytes).replace("\r\n", "\n")
    });
    expect![[r"
        SIP/2.0 486 Busy Here
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        From: <sip:a@example.com>;tag=1
        To: <sip:bob@example.com>;tag=t2
        Call-ID: c1
        CSeq: 7 INVITE
        Reason: Q.850;cause=17
        Content-Length: 0

        SIP/2.0 100 Trying
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        From: <sip:a@example.com>;tag=1
        To: <sip:bob@example.com>
        Call-ID: c1
        CSeq: 7 INVITE
        Timestamp: 54
        Content-Length: 0

        ACK sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        Max-Forwards: 70
        Route: <sip:p1;lr>
        From: <sip:a@example.com>;tag=1
        To: <sip:bob@example.com>;tag=t2
        Call-ID: c1
        CSeq: 7 ACK
        Content-Length: 0

        CANCEL sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        Max-Forwards: 70
        Route: <sip:p1;lr>
        From: <sip:a@example.com>;tag=1
        To: <sip:bob@example.com>
        Call-ID: c1
        CSeq: 7 CANCEL
        Content-Length: 0

    "]]
    .assert_eq(&all.concat());
}

/// A request that is refused must still be answered.
#[test]
fn every_torture_request_gets_an_answer() {
    for (name, bytes) in torture() {
        let Ok(request) = Message::parse(&bytes[..], &Limits::default()) else { continue };
        if request.method().is_none() {
            continue;
        }
        let answer = Builder::reply(&request, 400, "Bad Request", Some(b"t1")).build().unwrap();
        let answer = parse(&answer);
        assert!(answer.all(Name::Via).eq(request.all(Name::Via)), "{name}");
        assert_eq!(answer.status(), Some(400), "{name}");
        if let (Ok(was), Ok(is)) = (request.to(), answer.to()) {
            assert_eq!(is.tag(), Some(was.tag().unwrap_or(b"t1")), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_written_is_said() {
    let built = |builder: Builder| builder.build().err();
    assert_eq!(built(Builder::request("IN VITE", "sip:a")), Some(EditError::NotAToken));
    assert_eq!(built(Builder::request("INVITE", "sip:a b")), Some(EditError::NotAUri));
    assert_eq!(built(Builder::response(20, "OK")), Some(EditError::NotAStatus));
    assert_eq!(built(Builder::response(200, "OK\r\nX: y")), Some(EditError::LineBreak));
    assert_eq!(built(Builder::response(200, "OK").header("A", "b\r\nc")), Some(EditError::LineBreak));
    let Text(bytes) = invite("", "");
    assert_eq!(built(Builder::reply(&parse(&bytes), 200, "OK", Some(b"a;b"))), Some(EditError::NotAToken));
    assert!(Builder::cancel(&parse(b"SIP/2.0 200 OK\r\n\r\n")).is_err());
}
