//! Certificates: the edge's own, and those that it believes.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::settings::Tls;

pub(crate) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, String> {
    let Tls { cert_file, key_file } = tls;
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", cert_file.display());
    let chain = certificates(cert_file)?;
    // The parser's own words could quote the key.
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|_| format!("{}: no private key in PEM form that can be read", key_file.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| error.to_string())?.with_no_client_auth();
    let config = builder.with_single_cert(chain, key).map_err(|error| wrong(&error))?;
    Ok(Arc::new(config).into())
}

/// Believes the authorities of the system, or those of a file in their place.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()).into())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}
