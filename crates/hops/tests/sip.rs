//! SIP without a hop, and with hops of this test: they strip, keep one name, take the echo's body out of answers or put another
//! beside it, or speak TLS.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hops::echo::Limits;
use hops::report::{Health, Report};
use hops::sip::{Address, Echo, Kept, Options, check};
use hops::trust::{self, Identity};
use hops::verdict::Demands;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use throughline_sip::{Limits as Sizes, Message, Name};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

async fn echo() -> (SocketAddr, Kept) {
    let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
    let (address, kept) = (echo.address().unwrap(), echo.kept());
    tokio::spawn(echo.serve());
    (address, kept)
}

async fn report(hop: &str, options: Options) -> Report {
    let address: Address = hop.parse().unwrap();
    Report::of(&[check(&address, &options, |_, _| {}).await], &Demands::sip())
}

fn quick() -> Options {
    Options { rounds: 1, timeout: Duration::from_secs(20), ..options() }
}

/// Trusts nobody: for hops without TLS.
fn options() -> Options {
    Options::new(7, Arc::new(trust::client(RootCertStore::empty(), None).unwrap()))
}

/// What a hop does to the bodies of answers.
#[derive(Clone, Copy, PartialEq)]
enum Answers {
    Kept,
    Lost,
    Wrapped,
}

/// A proxy of one branch: lines whose names are in `strips` go.
async fn hop(to: SocketAddr, strips: &'static [&'static str], answers: Answers) -> SocketAddr {
    let (front, back) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let (address, behind) = (front.local_addr().unwrap(), back.local_addr().unwrap());
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_535];
        loop {
            let (length, from) = front.recv_from(&mut buffer).await.unwrap();
            let request = Message::parse(buffer.get(..length).unwrap(), &Sizes::default()).unwrap();
            let mut edit = request.edit();
            for name in strips {
                edit.remove_all(*name).unwrap();
            }
            edit.prepend(Name::Via, format!("SIP/2.0/UDP {behind};branch=z9hG4bKhop")).unwrap();
            let is_ack = request.method().unwrap().as_bytes() == b"ACK";
            back.send_to(&edit.write(), to).await.unwrap();
            if is_ack {
                continue;
            }
            let length = back.recv(&mut buffer).await.unwrap();
            let answer = Message::parse(buffer.get(..length).unwrap(), &Sizes::default()).unwrap();
            let mut edit = answer.edit();
            edit.remove_first(Name::Via, 1).unwrap();
            if answers != Answers::Kept {
                edit.remove_all(Name::ContentType).unwrap();
            }
            if answers == Answers::Wrapped {
                let own = b"--cut\r\nContent-Type: text/plain\r\n\r\nof the hop\r\n--cut\r\nContent-Type: message/sipfrag\r\n\r\n";
                edit.set_body([own, answer.body(), b"\r\n--cut--\r\n"].concat()).unwrap();
                edit.append(Name::ContentType, "multipart/mixed;\r\n boundary=\"cut\"").unwrap();
            }
            front.send_to(&edit.write(), from).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn everything_comes_through_without_a_hop() {
    let (echo, _) = echo().await;
    for transport in ["", ";transport=tcp"] {
        let report = report(&format!("sip:{echo}{transport}"), options()).await;
        assert_eq!(report.health(), Health::Sound, "{report}");
        let [hop] = report.hops.as_slice() else { panic!("{report}") };
        assert!(hop.findings.is_empty() && hop.not_spoken.is_empty() && hop.suspects.is_empty(), "{report}");
        assert_eq!((hop.requests, hop.longest), (34 * 3, Some(1_000)));
    }
}

#[tokio::test]
async fn a_hop_that_strips_is_found_and_mended() {
    let (echo, _) = echo().await;
    let hop = hop(echo, &["traceparent", "X-Traceparent", "tracestate"], Answers::Kept).await;
    let report = report(&format!("sip:{hop}"), quick()).await;
    assert_eq!(report.health(), Health::Broken, "{report}");
    let errors: Vec<_> =
        report.hops[0].errors().map(|error| (error.header.as_str(), error.verdict.key())).collect();
    assert_eq!(errors, [("traceparent", "stripped"), ("x-traceparent", "stripped")], "{report}");
    // Nobody says who it is: the lines of all.
    for line in ["remove_hf(\"x-traceparent\");", "PJSIP_INHERITABLE_HEADER", "passthru-hdr traceparent"] {
        assert!(report.to_string().contains(line), "{line}: {report}");
    }
}

#[tokio::test]
async fn one_of_two_names_is_enough() {
    let (echo, _) = echo().await;
    let hop = hop(echo, &["traceparent", "tracestate"], Answers::Kept).await;
    let report = report(&format!("sip:{hop}"), quick()).await;
    assert_eq!(report.health(), Health::Sound, "{report}");
    let found = |header: &str, verdict: &str| {
        report.hops[0].findings.iter().any(|f| f.header == header && f.verdict.key() == verdict)
    };
    assert!(found("traceparent", "carried by alias") && found("tracestate", "stripped"), "{report}");
}

#[tokio::test]
async fn answers_without_a_body_are_known_from_an_echo_in_the_same_process() {
    let (echo, kept) = echo().await;
    let address = format!("sip:{}", hop(echo, &["x-throughline-probe"], Answers::Lost).await);
    let without = report(&address, quick()).await;
    assert_eq!(without.health(), Health::Unchecked, "{without}");
    let with = report(&address, Options { kept: Some(kept), ..quick() }).await;
    assert_eq!(with.health(), Health::Sound, "{with}");
    assert!(with.hops[0].findings.is_empty(), "{with}");
}

#[tokio::test]
async fn nobody_there() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = report(&format!("sip:{closed};transport=tcp"), quick()).await;
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert!(report.to_string().contains("throughline hops echo --sip"), "{report}");
}

#[tokio::test]
async fn the_echo_is_heard_beside_other_bodies() {
    let (echo, _) = echo().await;
    let hop = hop(echo, &["traceparent", "X-Traceparent"], Answers::Wrapped).await;
    let report = report(&format!("sip:{hop}"), quick()).await;
    assert_eq!(report.health(), Health::Broken, "{report}");
    assert!(report.hops[0].not_spoken.is_empty() && report.hops[0].findings.len() == 2, "{report}");
}

/// An authority with certificates of 127.0.0.1 and of a client, as files.
fn certificates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", params.self_signed(&key).unwrap().pem());
    let authority = Issuer::new(params, key);
    for name in ["127.0.0.1", "client"] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority);
        write(&format!("{name}.pem"), certificate.unwrap().pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
    folder
}

/// Takes TLS from clients of the authority, and passes what is in it on over TCP.
async fn secured(to: SocketAddr, folder: &std::path::Path) -> SocketAddr {
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).build().unwrap();
    let certificate = CertificateDer::from_pem_file(folder.join("127.0.0.1.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("127.0.0.1.key")).unwrap();
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await.ok()?;
                let mut inner = TcpStream::connect(to).await.ok()?;
                copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });
    address
}

#[tokio::test]
async fn a_hop_with_tls_that_asks_for_a_certificate() {
    let (echo, _) = echo().await;
    let folder = certificates();
    let file = |name: &str| folder.path().join(name);
    let hop = format!("sips:{}", secured(echo, folder.path()).await);
    let (certificate, key) = (file("client.pem"), file("client.key"));
    let own = Identity { certificate: &certificate, key: &key };
    let trusting = || trust::roots(Some(&file("ca.pem"))).unwrap();
    let with = |tls: trust::ClientConfig| Options { tls: Arc::new(tls), ..quick() };

    let sound = report(&hop, with(trust::client(trusting(), Some(own)).unwrap())).await;
    assert_eq!(sound.health(), Health::Sound, "{sound}");
    assert!(sound.hops[0].findings.is_empty() && sound.hops[0].not_spoken.is_empty(), "{sound}");
    let nameless = report(&hop, with(trust::client(trusting(), None).unwrap())).await;
    assert_eq!(nameless.health(), Health::Unchecked, "{nameless}");
    let strange = report(&hop, with(trust::client(RootCertStore::empty(), Some(own)).unwrap())).await;
    assert!(
        strange.hops[0].unreached.as_ref().unwrap().contains("TLS: invalid peer certificate"),
        "{strange}"
    );
}

#[test]
fn wrong_files_are_named() {
    let folder = certificates();
    let file = |name: &str| folder.path().join(name);
    let (ca, key, other) = (file("ca.pem"), file("client.key"), file("127.0.0.1.key"));
    let certificate = file("client.pem");
    let client = |certificate, key| {
        trust::client(RootCertStore::empty(), Some(Identity { certificate, key })).unwrap_err().to_string()
    };
    assert!(trust::roots(Some(&key)).unwrap_err().to_string().contains("client.key holds no certificates"));
    assert!(client(&certificate, &ca).contains("ca.pem holds no private key"));
    assert!(client(&certificate, &other).contains("client.pem holds no certificate that can be shown"));
}
