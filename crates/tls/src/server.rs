//! The server's side.

use std::sync::Arc;
use std::time::Duration;

use flow::config::{Finding, Node};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use serde::Deserialize;

use super::client::refused;
use super::problem::{Problem, Problems, TlsError};
use super::settings::{Both, ForServers};
use super::{material, offer};
use crate::watched::Watched;

/// How often `client_ca_file` is looked at where there is no `reload_interval`.
const LOOK: Duration = Duration::from_secs(1);

/// The `tls` section of something that listens.
#[derive(Clone, Default, Debug, Deserialize)]
pub struct ServerTls(Both, ForServers);

impl ServerTls {
    /// What rustls listens with; the protocols of the application layer are the caller's to set.
    /// With `client_ca_file` only clients with a certificate of that authority get in.
    pub fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let Self(both, own) = self;
        let mut problems = Problems::default();
        if both.tpm.enabled {
            problems.add(Problem::new("tpm", "keys in a TPM are not supported", "use `key_file`"));
        }
        let versions = offer::versions(both, &mut problems);
        let provider = offer::provider(both, &mut problems);
        let identity = material::identity(both, &mut problems);
        let trusted = (!own.client_ca_file.is_empty())
            .then(|| problems.note(material::authorities_in("client_ca_file", &own.client_ca_file)))
            .flatten();
        if !both.has_certificate() && !both.has_key() {
            let mend = "give `cert_file` and `key_file`";
            problems.add(Problem::new("cert_file", "a server needs a certificate", mend));
        }
        let (chain, key) = problems.finish(identity)?;

        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| refused("min_version", &error))?;
        let builder = match trusted {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| {
                    let mend = "give the certificate of the clients' authority";
                    Problem::new("client_ca_file", error.to_string(), mend)
                })?)
            }
        };
        builder.with_single_cert(chain, key).map_err(|error| refused("cert_file", &error))
    }

    /// The files that are to be read again when they are others.
    pub(super) fn watched(&self) -> Option<Watched> {
        let Self(both, own) = self;
        let authority = own.reload_client_ca_file.then_some(&own.client_ca_file);
        let paths: Vec<&String> =
            both.renewed().into_iter().chain(authority).filter(|path| !path.is_empty()).collect();
        let rhythm = Some(both.reload_interval.get()).filter(|interval| !interval.is_zero());
        (!paths.is_empty()).then(|| Watched::every(rhythm.unwrap_or(LOOK), paths))
    }

    /// Everything wrong with the section, and advice on it. `section` is the `tls` node.
    pub fn check(&self, section: &Node) -> Vec<Finding> {
        let mut findings = self.0.advice(section);
        if self.0.has_authority() && self.1.client_ca_file.is_empty() {
            let at = section.get("ca_file").or_else(|| section.get("ca_pem")).unwrap_or(section);
            let advice =
                Finding::advice(at, "a server does not use this, and asks clients for no certificate");
            findings.push(advice.help("to let in only clients with a certificate, write `client_ca_file`"));
        }
        if let Err(error) = self.server_config() {
            findings.extend(error.findings(section));
        }
        findings
    }
}
