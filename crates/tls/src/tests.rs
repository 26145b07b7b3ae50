use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::config::{Finding, Node};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificates::Certificates;
use super::{ClientTls, ServerTls};

fn client(certificates: &Certificates, yaml: &str) -> ClientTls {
    Node::load("tls.yaml", &certificates.fill(yaml)).unwrap().parse().unwrap()
}

fn server(certificates: &Certificates, yaml: &str) -> ServerTls {
    Node::load("tls.yaml", &certificates.fill(yaml)).unwrap().parse().unwrap()
}

/// One byte through a handshake of both; the name is what the client connects to.
async fn handshake(server: &ServerTls, client: &ClientTls, name: &'static str) -> Result<(), String> {
    let acceptor = TlsAcceptor::from(Arc::new(server.server_config().unwrap()));
    let connector = TlsConnector::from(Arc::new(client.client_config().unwrap()));
    let name = client.server_name().unwrap_or_else(|| ServerName::try_from(name).unwrap());
    let (near, far) = duplex(64 << 10);
    let serve = async {
        let mut stream = acceptor.accept(far).await.map_err(|error| format!("server: {error}"))?;
        stream.write_all(b"x").await.map_err(|error| format!("server: {error}"))
    };
    let connect = async {
        let mut stream = connector.connect(name, near).await.map_err(|error| format!("client: {error}"))?;
        let read = stream.read_u8().await.map_err(|error| format!("client: {error}"))?;
        assert_eq!(read, b'x');
        Ok(())
    };
    let (served, connected) = tokio::join!(serve, connect);
    connected.and(served)
}

const SERVER: &str = "{cert_file: $/server.pem, key_file: $/server.key}";
const MUTUAL: &str = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem}";

/// Scenario: a client's certificate is replaced by that of another authority, while its connector stays.
/// Guarantees: the next handshake shows the new one.
#[tokio::test]
async fn a_clients_certificate_is_renewed() {
    let (ours, theirs) = (Certificates::new(), Certificates::new());
    std::fs::copy(ours.path("client.pem"), ours.path("shown.pem")).unwrap();
    std::fs::copy(ours.path("client.key"), ours.path("shown.key")).unwrap();
    let yaml = "{ca_file: $/ca.pem, cert_file: $/shown.pem, key_file: $/shown.key, reload_interval: 1ms}";
    let connector = TlsConnector::from(Arc::new(client(&ours, yaml).client_config().unwrap()));
    let trusts = |yaml: &str| {
        let yaml = theirs.fill(&yaml.replace('@', "$"));
        let tls: ServerTls = Node::load("tls.yaml", &yaml).unwrap().parse().unwrap();
        TlsAcceptor::from(Arc::new(tls.server_config().unwrap()))
    };
    let server = format!(
        "{{cert_file: {0}/server.pem, key_file: {0}/server.key, client_ca_file: @/ca.pem}}",
        ours.fill("$")
    );
    let acceptor = trusts(&server);
    let shake = async || {
        let (near, far) = duplex(64 << 10);
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let (served, connected) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
        served.is_ok() && connected.is_ok()
    };
    assert!(!shake().await, "nobody there knows this authority");
    std::fs::copy(theirs.path("client.pem"), ours.path("shown.pem")).unwrap();
    std::fs::copy(theirs.path("client.key"), ours.path("shown.key")).unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while !shake().await {
        assert!(tokio::time::Instant::now() < deadline, "the old certificate is still shown");
    }
}

#[tokio::test]
async fn who_trusts_whom() {
    let ours = Certificates::new();
    let theirs = Certificates::new();
    let table = [
        ("a known authority", SERVER, "{ca_file: $/ca.pem}", None),
        ("an unknown authority", SERVER, "{include_system_ca_certs_pool: true}", Some("UnknownIssuer")),
        ("no questions asked", SERVER, "{insecure_skip_verify: true}", None),
        ("mutual", MUTUAL, "{ca_file: $/ca.pem, cert_file: $/client.pem, key_file: $/client.key}", None),
        ("mutual without a certificate", MUTUAL, "{ca_file: $/ca.pem}", Some("CertificateRequired")),
        (
            "another name",
            "{cert_file: $/named.pem, key_file: $/named.key}",
            "{ca_file: $/ca.pem}",
            Some("not valid for name"),
        ),
        (
            "another name on purpose",
            "{cert_file: $/named.pem, key_file: $/named.key}",
            "{ca_file: $/ca.pem, server_name_override: collector.example}",
            None,
        ),
        (
            "one version",
            "{cert_file: $/server.pem, key_file: $/server.key, max_version: 1.2}",
            "{ca_file: $/ca.pem}",
            None,
        ),
        (
            "no version in common",
            "{cert_file: $/server.pem, key_file: $/server.key, max_version: 1.2}",
            "{ca_file: $/ca.pem, min_version: 1.3}",
            Some("ProtocolVersion"),
        ),
        (
            "one suite and one curve",
            SERVER,
            "{ca_file: $/ca.pem, max_version: 1.2, curve_preferences: [P384],
              cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]}",
            None,
        ),
    ];
    for (what, serving, connecting, complaint) in table {
        let result = handshake(&server(&ours, serving), &client(&ours, connecting), "127.0.0.1").await;
        match complaint {
            None => assert_eq!(result, Ok(()), "{what}"),
            Some(words) => {
                let error = result.unwrap_err();
                assert!(error.contains(words), "{what}: {error}");
            }
        }
    }
    let stranger = client(&theirs, "{ca_file: $/ca.pem}");
    assert!(handshake(&server(&ours, SERVER), &stranger, "127.0.0.1").await.is_err());
}

#[tokio::test]
async fn certificates_may_stand_in_the_configuration() {
    let files = Certificates::new();
    let quoted = |name: &str| {
        let text = std::fs::read_to_string(files.path(name)).unwrap();
        serde_json::to_string(&text).unwrap()
    };
    let serving = format!("{{cert_pem: {}, key_pem: {}}}", quoted("server.pem"), quoted("server.key"));
    let connecting = format!("ca_pem: {}", quoted("ca.pem"));
    let (server, client) = (server(&files, &serving), client(&files, &connecting));
    assert_eq!(handshake(&server, &client, "127.0.0.1").await, Ok(()));
    assert!(!format!("{server:?}{client:?}").contains("BEGIN"), "Debug shows no key");
}

fn shown(findings: Vec<Finding>, certificates: &Certificates) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    certificates.blank(&lines.join("\n"))
}

fn wrong_client(yaml: &str, expected: Expect) {
    let certificates = Certificates::new();
    let section = Node::load("tls.yaml", &certificates.fill(yaml)).unwrap();
    let (settings, mut findings) = section.check::<ClientTls>();
    findings.extend(settings.iter().flat_map(|settings| settings.check(&section)));
    expected.assert_eq(&shown(findings, &certificates));
}

fn wrong_server(yaml: &str, expected: Expect) {
    let certificates = Certificates::new();
    let section = Node::load("tls.yaml", &certificates.fill(yaml)).unwrap();
    let (settings, mut findings) = section.check::<ServerTls>();
    findings.extend(settings.iter().flat_map(|settings| settings.check(&section)));
    expected.assert_eq(&shown(findings, &certificates));
}

#[test]
fn all_problems_at_once() {
    wrong_client(
        "
ca_file: $/missing.pem
ca_pem: text
cert_file: $/client.key
min_version: 1.3
max_version: 1.2
server_name_override: a b
tpm: {enabled: true}
cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
        expect![[r#"
            tls.yaml:8:6: error: tpm: keys in a TPM are not supported
              help: use `key_file`
            tls.yaml:7:23: error: server_name_override: `a b` is not a host name
              help: give a DNS name or an IP address
            tls.yaml:5:14: error: min_version: TLS 1.3 is above `max_version` 1.2
              help: give a range such as "1.2" to "1.3"
            tls.yaml:9:16: error: cipher_suites: `TLS_RSA_WITH_RC4_128_SHA` is not offered; there are TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
              help: leave it out of the list
            tls.yaml:4:12: error: cert_file: the key for it is missing
              help: give `cert_file` and `key_file`, or neither
            tls.yaml:4:12: error: cert_file: there is no certificate in it
              help: give certificates in PEM form (-----BEGIN CERTIFICATE-----)
            tls.yaml:3:9: error: ca_pem: `ca_file` and `ca_pem` are both given
              help: leave one of them out"#]],
    );
    wrong_client(
        "ca_file: $/missing.pem\nkey_file: $/server.pem\ncert_file: $/server.pem",
        expect![[r#"
        tls.yaml:2:11: error: key_file: there is no private key in it that can be read
          help: give an unencrypted key in PEM form (PKCS#8, PKCS#1 or SEC1)
        tls.yaml:1:10: error: ca_file: `$/missing.pem` cannot be read: No such file or directory (os error 2)
          help: give the path of a PEM file that this process may read"#]],
    );
    wrong_client(
        "{cert_file: $/server.pem, key_file: $/client.key}",
        expect![[r#"
        tls.yaml:1:13: error: cert_file: keys may not be consistent: KeyMismatch
          help: give a certificate with its own key, and a version with suites"#]],
    );
    wrong_client(
        "min_version: 1.7\nca_file: $",
        expect![[r#"
        tls.yaml:1:14: error: min_version: `1.7` is not a TLS version
          help: write "1.2" or "1.3"
        tls.yaml:2:10: error: ca_file: `$` cannot be read: Is a directory (os error 21)
          help: give the path of a PEM file that this process may read"#]],
    );
    wrong_client(
        "{client_ca_file: $/ca.pem}",
        expect![[r#"
        tls.yaml:1:2: error: client_ca_file: unknown key
          help: the keys here are ca_file, ca_pem, cert_file, cert_pem, key_file, key_pem, include_system_ca_certs_pool, min_version, max_version, cipher_suites, include_insecure_cipher_suites, curve_preferences, reload_interval, tpm, insecure, insecure_skip_verify, server_name_override"#]],
    );
    wrong_server(
        "{ca_file: $/ca.pem}",
        expect![[r#"
        tls.yaml:1:11: advice: ca_file: a server does not use this, and asks clients for no certificate
          help: to let in only clients with a certificate, write `client_ca_file`
        tls.yaml:1:1: error: a server needs a certificate
          help: give `cert_file` and `key_file`"#]],
    );
    wrong_server(
        "client_ca_file: $/none\ncert_file: $/server.pem\nkey_file: $/server.key",
        expect![[r#"
        tls.yaml:1:17: error: client_ca_file: `$/none` cannot be read: No such file or directory (os error 2)
          help: give the path of a PEM file that this process may read"#]],
    );
}

#[test]
fn advice_is_not_an_error() {
    wrong_client(
        "insecure_skip_verify: true\nreload_interval: 1h\nmin_version: 1.0\ninclude_insecure_cipher_suites: true",
        expect![[r#"
            tls.yaml:3:14: advice: min_version: TLS 1.0 and 1.1 are not offered
              help: write "1.2" or "1.3"
            tls.yaml:4:33: advice: include_insecure_cipher_suites: insecure suites are never offered
              help: leave the key out; peers need a suite of `cipher_suites` or TLS 1.3
            tls.yaml:1:23: advice: insecure_skip_verify: anyone on the way can pretend to be the server
              help: trust its authority with `ca_file` instead"#]],
    );
    wrong_server(
        "ca_file: $/ca.pem\nreload_client_ca_file: true\ncert_file: $/server.pem\nkey_file: $/server.key",
        expect![[r#"
            tls.yaml:1:10: advice: ca_file: a server does not use this, and asks clients for no certificate
              help: to let in only clients with a certificate, write `client_ca_file`"#]],
    );
}

#[test]
fn plain_text_is_asked_for() {
    let certificates = Certificates::new();
    assert!(client(&certificates, "insecure: true").is_plain());
    assert!(!client(&certificates, "{}").is_plain());
    assert!(!client(&certificates, "{insecure: true, ca_file: $/ca.pem}").is_plain(), "as in the collector");
}
