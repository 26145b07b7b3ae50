//! The client's side.

use std::sync::Arc;

use flow::config::{Finding, Node};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use serde::Deserialize;

use super::problem::{Problem, Problems, TlsError};
use super::renewed::Renewed;
use super::settings::{Both, ForClients};
use super::{material, offer};
use crate::watched::Watched;

/// The `tls` section of something that connects.
#[derive(Clone, Default, Debug, Deserialize)]
pub struct ClientTls(Both, ForClients);

impl ClientTls {
    /// True where the section asks for plain text: `insecure`, and no authority to verify a peer by.
    pub fn is_plain(&self) -> bool {
        self.1.insecure && !self.0.has_authority()
    }

    /// The name that the server's certificate must bear, where it is not the one connected to.
    pub fn server_name(&self) -> Option<ServerName<'static>> {
        let name = &self.1.server_name_override;
        ServerName::try_from(name.as_str()).ok().filter(|_| !name.is_empty()).map(|name| name.to_owned())
    }

    /// For a client that trusts the authorities of a file; without one those of the system.
    pub fn trusting(ca_file: &str) -> Self {
        Self(Both { ca_file: ca_file.to_owned(), ..Both::default() }, ForClients::default())
    }

    /// For a connector that never connects with TLS: needs no authorities, and would refuse every peer.
    pub fn trusting_nobody() -> Result<ClientConfig, TlsError> {
        let settings = Both::default();
        let mut problems = Problems::default();
        let builder = ClientConfig::builder_with_provider(offer::provider(&settings, &mut problems))
            .with_protocol_versions(&offer::versions(&settings, &mut problems))
            .map_err(|error| refused("min_version", &error))?;
        Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    /// What rustls connects with; the protocols of the application layer are the caller's to set.
    pub fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let Self(both, own) = self;
        let mut problems = Problems::default();
        if both.tpm.enabled {
            problems.add(Problem::new("tpm", "keys in a TPM are not supported", "use `key_file`"));
        }
        if !own.server_name_override.is_empty() && self.server_name().is_none() {
            let what = format!("`{}` is not a host name", own.server_name_override);
            problems.add(Problem::new("server_name_override", what, "give a DNS name or an IP address"));
        }
        let versions = offer::versions(both, &mut problems);
        let provider = offer::provider(both, &mut problems);
        let identity = material::identity(both, &mut problems);
        let roots = (!own.insecure_skip_verify).then(|| material::authorities(both, &mut problems));
        problems.finish(Some(()))?;

        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| refused("min_version", &error))?;
        let builder = match roots {
            Some(roots) => builder.with_root_certificates(roots),
            None => {
                let any = AnyServer(Arc::clone(&provider));
                builder.dangerous().with_custom_certificate_verifier(Arc::new(any))
            }
        };
        match identity {
            Some(identity) => {
                let files: Vec<_> = both.renewed().into_iter().filter(|path| !path.is_empty()).collect();
                let fit = |error| refused("cert_file", &error);
                if files.is_empty() {
                    return builder.with_client_auth_cert(identity.0, identity.1).map_err(fit);
                }
                let files = Watched::every(both.reload_interval.get(), files);
                let renewed = Renewed::new(both, &provider, identity, files).map_err(fit)?;
                Ok(builder.with_client_cert_resolver(Arc::new(renewed)))
            }
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// Everything wrong with the section, and advice on it. `section` is the `tls` node.
    pub fn check(&self, section: &Node) -> Vec<Finding> {
        let mut findings = self.0.advice(section);
        if self.1.insecure_skip_verify {
            let at = section.get("insecure_skip_verify").unwrap_or(section);
            let message = "anyone on the way can pretend to be the server";
            findings.push(Finding::advice(at, message).help("trust its authority with `ca_file` instead"));
        }
        if let Err(error) = self.client_config() {
            findings.extend(error.findings(section));
        }
        findings
    }
}

/// What rustls says to parts that each are sound, but do not fit together.
pub(super) fn refused(key: &'static str, error: &Error) -> TlsError {
    let mend = "give a certificate with its own key, and a version with suites";
    Problem::new(key, error.to_string(), mend).into()
}

/// `insecure_skip_verify`: any certificate will do, but its owner must still sign the handshake.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
