//! What the edge connects with.

use std::sync::Arc;

use tls::ClientTls;
use tokio_rustls::TlsConnector;

/// By a `tls` section.
pub(crate) fn connector(tls: &ClientTls) -> Result<TlsConnector, String> {
    let config = tls.client_config().map_err(|error| error.to_string())?;
    Ok(Arc::new(config).into())
}

/// Without one: believes the authorities of the system, or nobody where it has none.
pub(crate) fn usual_connector() -> Result<TlsConnector, String> {
    let config = ClientTls::default().client_config().or_else(|_| ClientTls::trusting_nobody());
    Ok(Arc::new(config.map_err(|error| error.to_string())?).into())
}
