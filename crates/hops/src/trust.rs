//! Whose certificates are accepted, and which one is shown.

use std::path::Path;
use std::sync::Arc;

pub use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[derive(Debug, thiserror::Error)]
pub enum WrongFile {
    #[error("{path} holds no certificates in PEM form that can be read: {why}")]
    Certificates { path: String, why: String },
    #[error("{path} holds no private key in PEM form that can be read: {why}")]
    Key { path: String, why: String },
    #[error("{path} holds no certificate that can be shown with this key: {why}")]
    Identity { path: String, why: rustls::Error },
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// A certificate with those that vouch for it, and its key, as files.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

/// What the system accepts, and the certificates of this file.
pub fn roots(file: Option<&Path>) -> Result<RootCertStore, WrongFile> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = file
        && roots.add_parsable_certificates(certificates(path)?).0 == 0
    {
        return Err(WrongFile::Certificates { path: shown(path), why: "none found".to_owned() });
    }
    Ok(roots)
}

/// For connections that show `own` to hops that ask for a certificate.
pub fn client(
    roots: impl Into<Arc<RootCertStore>>,
    own: Option<Identity<'_>>,
) -> Result<ClientConfig, WrongFile> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(WrongFile::Setup)?;
    let builder = builder.with_root_certificates(roots);
    let Some(Identity { certificate, key }) = own else { return Ok(builder.with_no_client_auth()) };
    let wrong = |error: Error| WrongFile::Key { path: shown(key), why: error.to_string() };
    let secret = PrivateKeyDer::from_pem_file(key).map_err(wrong)?;
    let unfit = |why| WrongFile::Identity { path: shown(certificate), why };
    builder.with_client_auth_cert(certificates(certificate)?, secret).map_err(unfit)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WrongFile> {
    let wrong = |error: Error| WrongFile::Certificates { path: shown(path), why: error.to_string() };
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(wrong)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
