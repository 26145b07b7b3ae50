//! Where it listens, and whether that is safe.

use std::path::PathBuf;

use flow::config::{Finding, Node, is_loopback, split_port};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::lock::{Auth, Lock, ONE};

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
}

pub(crate) async fn bind(endpoint: &str) -> Result<TcpListener, String> {
    let all = endpoint.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
    TcpListener::bind(all.as_deref().unwrap_or(endpoint)).await.map_err(|error| {
        let mend = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; stop what listens there, or set another `endpoint`",
            std::io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need a right of their own: take a higher one"
            }
            std::io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
            _ => "",
        };
        format!("cannot listen on {endpoint}: {error}{mend}")
    })
}

/// What is wrong with `endpoint`, `tls` and `auth` of a section. `open` says what everybody could do without a secret,
/// `example` an address of this kind, and `sends` what the secret is.
pub(crate) fn check(
    section: &Node,
    endpoint: &str,
    (tls, auth): (Option<&Tls>, Option<&Auth>),
    (open, example, sends): (&str, &str, &str),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let at = |key| section.get(key).unwrap_or(section);
    // A key without a value must not mean an open door.
    let asks = section.get("auth").is_some();
    match auth.map(|auth| Lock::of(auth, "")) {
        Some(Ok(_)) => {}
        Some(Err(why)) => findings.push(Finding::error(at("auth"), why)),
        None if asks => findings.push(Finding::error(at("auth"), ONE)),
        None => {}
    }
    let secure = section.get("tls").is_some();
    let Tls { cert_file, key_file } = tls.cloned().unwrap_or_default();
    if secure && (cert_file.as_os_str().is_empty() || key_file.as_os_str().is_empty()) {
        findings.push(Finding::error(at("tls"), "give `cert_file` and `key_file`"));
    }
    match split_port(endpoint).map(|(host, _)| host) {
        None => {
            let finding = Finding::error(at("endpoint"), "not an address to listen on");
            findings.push(finding.help(format!("write a host and a port, as in `{example}`")));
        }
        Some(host) if !is_loopback(host) && !asks => {
            let why = format!("everybody who can reach this address could {open}");
            let finding = Finding::error(at("endpoint"), why);
            findings.push(finding.help(format!("write `auth` with {sends}")));
        }
        Some(host) if !is_loopback(host) && !secure => {
            let finding =
                Finding::advice(at("endpoint"), "secrets and events go over the network in the clear");
            findings.push(finding.help("write `tls`, or listen on 127.0.0.1 behind a proxy that speaks TLS"));
        }
        Some(_) => {}
    }
    findings
}
