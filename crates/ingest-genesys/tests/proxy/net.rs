//! A network in which a simulator with TLS is reached through a proxy alone, by a name that nobody can look up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const HOST: &str = "genesys.example";

/// What the proxy does.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    Opens,
    /// To those who say this.
    OpensTo(&'static str),
    Says(&'static str),
    /// As long as no channel is subscribed to a topic that begins so.
    OpensUntil(&'static str),
}

pub(crate) struct Net {
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) proxy: SocketAddr,
    pub(crate) ca_file: PathBuf,
    /// What the proxy was asked for, in order, and all that passed it from clients without being TLS.
    asked: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Net {
    pub(crate) async fn new(manner: Manner, calls: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenarios =
            library().unwrap().into_iter().filter(|scenario| scenario.name == "answered").collect();
        let traffic = Traffic { concurrent: 5, calls: Some(calls), speed: 300.0, ..Traffic::default() };
        let options = Options { traffic, ..Options::quiet(scenarios) };
        let public_url = Some(format!("https://{HOST}"));
        let settings = Settings { public_url, ..Settings::default() };
        let simulator = Arc::new(Simulator::start(options, settings).await.unwrap());
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let terminator = terminate(simulator.address(), CertificateDer::from(made.cert), key).await;
        let asked = Arc::default();
        let proxy = serve(terminator, manner, Arc::clone(&asked), Arc::clone(&simulator)).await;
        Self { simulator, proxy, ca_file, asked, _folder: folder }
    }

    pub(crate) fn yaml(&self, proxy_url: &str) -> String {
        format!(
            "region: https://{HOST}\nclient_id: simulated-client\nclient_secret: simulated-secret\nca_file: {:?}\nproxy_url: {proxy_url}\n\
             reconcile_interval: 1s\nsettle: 1s\ntimeout: 5s\n",
            self.ca_file
        )
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// TLS in front of the simulator.
async fn terminate(to: SocketAddr, cert: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![cert], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut simulator = TcpStream::connect(to).await.unwrap();
                // Whoever ends it first, it is over.
                copy_bidirectional(&mut stream, &mut simulator).await.ok();
            });
        }
    });
    address
}

async fn serve(
    to: SocketAddr,
    manner: Manner,
    asked: Arc<Mutex<Vec<String>>>,
    simulator: Arc<Simulator>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (asked, simulator) = (Arc::clone(&asked), Arc::clone(&simulator));
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8(head).unwrap();
                asked.lock().unwrap().push(head.clone());
                let answer = match manner {
                    Manner::Opens => "200 Connection established",
                    Manner::OpensTo(login)
                        if head.to_ascii_lowercase().contains(&login.to_ascii_lowercase()) =>
                    {
                        "200 OK"
                    }
                    Manner::OpensTo(_) => "407 Proxy Authentication Required",
                    Manner::Says(answer) => answer,
                    Manner::OpensUntil(topic) => match simulator.with(|service| service.carries(topic)) {
                        false => "200 OK",
                        true => "403 Forbidden",
                    },
                };
                stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
                if answer.starts_with("200") {
                    let mut target = TcpStream::connect(to).await.unwrap();
                    // Whoever ends it first, it is over.
                    copy_bidirectional(&mut stream, &mut target).await.ok();
                }
            });
        }
    });
    address
}
