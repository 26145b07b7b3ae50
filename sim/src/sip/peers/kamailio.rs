//! Kamailio as a hop: plain, one that takes trace context away, one that sends copies, one with TLS in front.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::program::Program;
use crate::ports;
use crate::sip::Identity;

const UNTIL_READY: Duration = Duration::from_secs(20);
const ANSWERS_WITHIN: Duration = Duration::from_millis(200);

/// What it does beside passing messages on.
#[derive(Clone, Debug, Default)]
pub enum Role {
    #[default]
    Plain,
    /// Takes away `traceparent`, `X-Traceparent`, `tracestate`, `User-to-User` and `Referred-By`.
    Strips,
    /// Sends copies of all messages there, as HEP version 3.
    Copies(SocketAddr),
    /// Takes TLS as well, under this certificate.
    Secures(Identity),
}

/// A running one: it passes each request on to where its URI says, and stays in the path of its dialog.
pub struct Kamailio {
    program: Program,
    pub address: SocketAddr,
    /// Where it takes TLS, if that is its role.
    pub secure: Option<SocketAddr>,
}

impl Kamailio {
    /// What it is started with: `-A` switches the parts of a role on.
    pub const CONFIGURATION: &str = include_str!("../../../sip/kamailio.cfg");

    pub async fn start(role: &Role) -> Result<Self> {
        Self::start_with(role, Self::CONFIGURATION).await
    }

    /// With a configuration that was made from the usual one.
    pub async fn start_with(role: &Role, configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (address, mut secure) = (ports::free()?, None);
        let mut configuration = configuration.replace("@FOLDER@", &folder.path().to_string_lossy());
        let mut command = Command::new("kamailio");
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.args(["-f", "kamailio.cfg", "-DD", "-E", "-m", "512", "-M", "8", "-n", "1", "-Y", "."]);
        command.args(["-l", &format!("udp:{address}")]);
        match role {
            Role::Plain => {}
            Role::Strips => {
                command.args(["-A", "STRIP"]);
            }
            Role::Copies(to) => {
                configuration = configuration.replace("@HEP@", &to.to_string());
                command.args(["-A", "HEP"]);
            }
            Role::Secures(identity) => {
                std::fs::write(folder.path().join("certificate.pem"), &identity.certificate_pem)?;
                std::fs::write(folder.path().join("key.pem"), identity.key_pem())?;
                let tls = ports::free()?;
                command.args(["-A", "SECURE", "-l", &format!("tls:{tls}")]);
                secure = Some(tls);
            }
        }
        std::fs::write(folder.path().join("kamailio.cfg"), configuration)?;
        let mut program = Program::start("kamailio", command, folder)?;
        let asker = UdpSocket::bind("127.0.0.1:0").await?;
        asker.connect(address).await?;
        let ready = async || {
            let open = match secure {
                Some(secure) => TcpStream::connect(secure).await.is_ok(),
                None => true,
            };
            open && answers(&asker, address).await
        };
        program.until(UNTIL_READY, ready).await?;
        Ok(Self { program, address, secure })
    }

    /// Of its first process; the others are children of it.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// What it has written to its log.
    pub fn said(&self) -> String {
        self.program.file("said")
    }
}

/// Whether an OPTIONS is answered.
pub(super) async fn answers(asker: &UdpSocket, address: SocketAddr) -> bool {
    let Ok(own) = asker.local_addr() else { return false };
    let options = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKready\r\nMax-Forwards: 5\r\n\
         From: <sip:ready@{own}>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let asked = async {
        asker.send(options.as_bytes()).await?;
        let mut answer = [0; 2048];
        asker.recv(&mut answer).await
    };
    matches!(timeout(ANSWERS_WITHIN, asked).await, Ok(Ok(_)))
}
