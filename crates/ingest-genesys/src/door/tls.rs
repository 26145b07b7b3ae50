//! The certificate of the listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::address::Tls;

pub(crate) fn config(tls: &Tls) -> Result<Arc<ServerConfig>, String> {
    let Tls { cert_file, key_file } = tls;
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", cert_file.display());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(cert_file).map_err(|error| wrong(&error))?.collect();
    // The parser's own words could quote the key.
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|_| format!("{}: no private key in PEM form that can be read", key_file.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| error.to_string())?.with_no_client_auth();
    let chain = chain.map_err(|error| wrong(&error))?;
    let mut config = builder.with_single_cert(chain, key).map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
