//! A receiver, and requests to it byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;

use flow::config::Node;
use flow::{Consumer, Ctx, Outlets, Receiver as _};
use ingest_genesys::eventbridge::{EventBridge, IN};
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) const HEAD: &str =
    "POST /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";

/// An event as EventBridge has it.
pub(crate) fn event() -> String {
    serde_json::json!({
        "version": "0",
        "id": "6b8f1c36-8c6b-4f0e-93f5-0a9c8a8b1f0c",
        "detail-type": "v2.detail.events.conversation.{id}.customer.start",
        "source": "aws.partner/genesys.com/cloud/0c8e2f0e-58a5-4d24-8f0c-3bdfb3d9a2a1/here",
        "time": "2026-03-02T09:00:00Z",
        "resources": [],
        "detail": {
            "topicName": "v2.detail.events.conversation.9f7b1e9c-54a5-4bb1-9a32-4f6f0a6b2f11.customer.start",
            "version": "2",
            "eventBody": {
                "eventTime": 1_772_442_000_000_u64,
                "conversationId": "9f7b1e9c-54a5-4bb1-9a32-4f6f0a6b2f11",
                "participantId": "3c2d1b54-07a1-4b3c-8d55-6c3a1f1a9d10",
                "sessionId": "a4c9f3c2-11bb-4d0a-b8a7-54ce0b4ab0d7",
                "mediaType": "VOICE",
                "direction": "INBOUND",
            },
            "metadata": { "CorrelationId": "3b9b8b0e-6f0a-4a57-a5a9-9a3a1b5d5d0f" },
            "timestamp": "2026-03-02T09:00:00.120Z",
        },
    })
    .to_string()
}

pub(crate) fn post(header: &str, body: &str) -> String {
    format!("{HEAD}{header}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(crate) struct Bridge {
    receiver: EventBridge,
    pub(crate) address: SocketAddr,
    tls: Option<TlsConnector>,
    _files: Option<TempDir>,
}

impl Bridge {
    pub(crate) async fn open(yaml: &str, ctx: &Ctx, out: Arc<dyn Consumer>) -> Self {
        let yaml = format!("endpoint: 127.0.0.1:0\n{}", if yaml == "{}" { "" } else { yaml });
        let section = Node::load("c.yaml", &yaml).unwrap();
        assert_eq!((IN.check)(&section), []);
        let receiver = EventBridge::new(&section, &ctx.named("eventbridge")).unwrap();
        receiver.start(Outlets { traces: Some(out), ..Outlets::default() }).await.unwrap();
        let address = receiver.address().unwrap();
        Self { receiver, address, tls: None, _files: None }
    }

    pub(crate) async fn secure(yaml: &str, ctx: &Ctx, out: Arc<dyn Consumer>) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = tempfile::tempdir().unwrap();
        let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let tls = format!("tls: {{cert_file: {:?}, key_file: {:?}}}", cert, key);
        let bridge = Self::open(&format!("{yaml}\n{tls}"), ctx, out).await;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(made.cert)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: Some(TlsConnector::from(Arc::new(config))), _files: Some(files), ..bridge }
    }

    /// The whole answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let Some(tls) = &self.tls else { return self.ask_in_the_clear(request).await };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        exchange(tls.connect(name, stream).await.unwrap(), request).await
    }

    pub(crate) async fn ask_in_the_clear(&self, request: &str) -> String {
        exchange(TcpStream::connect(self.address).await.unwrap(), request).await
    }

    pub(crate) async fn stop(&self) {
        self.receiver.stop().await;
    }
}

/// What was answered before the connection ended, in whatever way.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    let sent = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    assert!(!answer.is_empty(), "no answer: {sent:?} {read:?}");
    String::from_utf8_lossy(&answer).into_owned()
}
