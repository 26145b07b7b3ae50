//! A client's certificate, as its files are now.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::material;
use super::problem::Problems;
use super::settings::Both;
use crate::watched::Watched;

/// Read again when the files are others, at most every `reload_interval`.
#[derive(Debug)]
pub(super) struct Renewed {
    settings: Both,
    provider: Arc<CryptoProvider>,
    files: Watched,
    current: Mutex<Arc<CertifiedKey>>,
}

impl Renewed {
    pub(super) fn new(
        settings: &Both,
        provider: &Arc<CryptoProvider>,
        (chain, key): material::Identity,
        files: Watched,
    ) -> Result<Self, rustls::Error> {
        let current = CertifiedKey::from_der(chain, key, provider)?;
        Ok(Self {
            settings: settings.clone(),
            provider: Arc::clone(provider),
            files,
            current: Mutex::new(Arc::new(current)),
        })
    }

    fn read(&self) -> Result<CertifiedKey, String> {
        let mut problems = Problems::default();
        let identity = material::identity(&self.settings, &mut problems);
        let (chain, key) = problems.finish(identity).map_err(|error| error.to_string())?;
        CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| error.to_string())
    }
}

impl ResolvesClientCert for Renewed {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.files.changed() {
            match self.read() {
                Ok(read) => *current = Arc::new(read),
                Err(why) => {
                    tracing::warn!(why, "the client's certificate was replaced, and stays as it was");
                    self.files.again();
                }
            }
        }
        Some(Arc::clone(&current))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
