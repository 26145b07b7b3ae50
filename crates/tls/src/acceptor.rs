//! What a listener secures its connections with, as its files are now.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;

use super::problem::TlsError;
use super::server::ServerTls;
use crate::watched::Watched;

/// Renews itself when its files are replaced, as far as `reload_interval` and `reload_client_ca_file` ask for it.
/// Files that do not fit together, as while they are being replaced, change nothing.
pub struct Acceptor {
    settings: ServerTls,
    protocols: Vec<Vec<u8>>,
    files: Option<Watched>,
    current: Mutex<TlsAcceptor>,
}

impl Acceptor {
    pub fn new(settings: &ServerTls, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|name| name.to_vec()).collect();
        // Before they are read, so that no change falls between the two.
        let files = settings.watched();
        let current = Mutex::new(made(settings, &protocols)?);
        Ok(Self { settings: settings.clone(), protocols, files, current })
    }

    /// For the next connection.
    pub fn now(&self) -> TlsAcceptor {
        if self.files.as_ref().is_some_and(Watched::changed) {
            match made(&self.settings, &self.protocols) {
                Ok(made) => {
                    tracing::info!("certificates were replaced");
                    *self.current.lock().unwrap_or_else(PoisonError::into_inner) = made;
                }
                Err(error) => {
                    tracing::warn!(%error, "certificates were replaced, and stay as they were");
                    self.files.iter().for_each(Watched::again);
                }
            }
        }
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn made(settings: &ServerTls, protocols: &[Vec<u8>]) -> Result<TlsAcceptor, TlsError> {
    let mut config = settings.server_config()?;
    config.alpn_protocols = protocols.to_vec();
    Ok(TlsAcceptor::from(Arc::new(config)))
}
