//! `auth`: what an extension shows to the server with each request.

use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::{BuildError, Ctx, ExportError};
use http::HeaderMap;

use crate::auth::{Credentials, Offers};
use crate::net::serve::Auth;

pub(crate) type Shown = Option<Arc<dyn Credentials>>;

/// The extension's credentials, where one is named.
pub(crate) fn of(auth: Option<&Auth>, ctx: &Ctx) -> Result<Shown, BuildError> {
    auth.map(|auth| Offers::client(ctx, &auth.authenticator)).transpose()
}

/// Adds them to a request; they go before a header of the same name in the configuration.
pub(crate) fn add(shown: &Shown, headers: &mut HeaderMap) -> Result<(), ExportError> {
    if let Some(credentials) = shown {
        let header = credentials.header().map_err(|why| ExportError::Retry { why, after: None })?;
        headers.insert(header.0, header.1);
    }
    Ok(())
}

/// What is wrong with showing them where anyone on the way can read along.
pub(crate) fn check(section: &Node, secure: bool) -> Option<Finding> {
    let auth = section.get("auth").filter(|auth| !secure && !auth.is_null())?;
    let finding =
        Finding::advice(auth, "the credentials are sent without TLS: anyone on the way can read them");
    Some(finding.help("use https://, or `tls` with gRPC"))
}
