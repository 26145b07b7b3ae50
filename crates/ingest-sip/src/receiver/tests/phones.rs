//! Phones in browsers: SIP over WebSocket (RFC 7118), registered at a registrar behind the edge.

use throughline_sip::{Builder, Message, Name};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error;

use super::agent::{call, call_by};
use super::*;

const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

/// UDP towards the registrar, and a door for phones.
async fn edge(door: &str, registrar: &Agent) -> Sip {
    let listen = format!("[{{transport: udp, endpoint: \"127.0.0.1:0\"}}, {door}]");
    start(&listen, &registrar.uri(), "", Outlets::default()).await
}

fn secured(certificate: &Certificate) -> String {
    let (cert, key) = (certificate.cert_file(), certificate.key_file());
    format!("{{transport: wss, endpoint: \"127.0.0.1:0\", tls: {{cert_file: {cert}, key_file: {key}}}}}")
}

const PLAIN: &str = "{transport: ws, endpoint: \"127.0.0.1:0\"}";

/// What the registrar learns, once it has said yes.
async fn register(phone: &mut Agent, registrar: &mut Agent) -> Message {
    let register = phone
        .request("REGISTER", "sip:example.com", "registration", None)
        .header(Name::Supported, "path, outbound, gruu")
        .header(Name::Contact, format!("<{}>;reg-id=1;{INSTANCE}", phone.uri()));
    phone.send(&register.build().unwrap()).await;
    let came = registrar.receive().await;
    registrar.answer(&came, 200).await;
    assert_eq!(phone.receive().await.status(), Some(200));
    came
}

fn path(registration: &Message) -> String {
    String::from_utf8(registration.first(Name::Path).unwrap().to_vec()).unwrap()
}

/// What a registrar makes of a call for the phone: its contact, by its Path.
fn invite(registrar: &Agent, phone: &Agent, path: &str, call: &str) -> bytes::Bytes {
    let request: Builder = registrar.request("INVITE", &phone.uri(), call, None);
    request.header(Name::Route, path).build().unwrap()
}

#[tokio::test]
async fn a_phone_on_wss_registers_calls_and_is_called() {
    let certificate = Certificate::new();
    let mut registrar = Agent::udp().await;
    let edge = edge(&secured(&certificate), &registrar).await;
    let mut phone = Agent::wss(edge.addresses()[1], &certificate).await;
    let came = register(&mut phone, &mut registrar).await;
    let via = came.vias().nth(1).unwrap().unwrap();
    assert_eq!(
        (via.transport, via.host, via.received()),
        (&b"WSS"[..], &b"x.invalid"[..], Some(&b"127.0.0.1"[..]))
    );
    let path = path(&came);
    assert!(path.starts_with(&format!("<sip:{};lr;tl=1.", edge.addresses()[0])), "{path}");
    assert!(path.ends_with(";ob>"), "{path}");

    call(&mut phone, &mut registrar).await;
    let to_phone = invite(&registrar, &phone, &path, "call-2");
    call_by(&mut registrar, &mut phone, &to_phone).await;
    edge.stop().await;
    let text = gathered(&edge);
    assert!(text.contains("REGISTER in wss 1\n") && text.contains("INVITE out wss 1\n"), "{text}");
}

/// Two phones, one after the other at the same place: each is reached over its own connection, and one that has gone
/// over none.
#[tokio::test]
async fn a_phone_that_has_gone_is_not_reached_over_another() {
    let mut registrar = Agent::udp().await;
    let edge = edge(PLAIN, &registrar).await;
    registrar.towards(edge.addresses()[0]);
    let mut first = Agent::ws(edge.addresses()[1]).await;
    let to_first = path(&register(&mut first, &mut registrar).await);
    let mut second = Agent::ws(edge.addresses()[1]).await;
    let to_second = path(&register(&mut second, &mut registrar).await);
    assert_ne!(to_first, to_second);
    let call = invite(&registrar, &second, &to_second, "call-2");
    call_by(&mut registrar, &mut second, &call).await;
    first.hang_up().await;
    registrar.send(&invite(&registrar, &second, &to_first, "call-3")).await;
    assert_eq!(registrar.receive().await.status(), Some(430));
    edge.stop().await;
}

#[tokio::test]
async fn a_websocket_for_something_else_is_refused() {
    let registrar = Agent::udp().await;
    let edge = edge(PLAIN, &registrar).await;
    let stream = TcpStream::connect(edge.addresses()[1]).await.unwrap();
    let refused = client_async("ws://edge.example.com/", stream).await.unwrap_err();
    assert!(matches!(refused, Error::Http(response) if response.status() == 400));
    edge.stop().await;
}
