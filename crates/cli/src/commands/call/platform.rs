//! The requests of the SDK's client through the connector's: its token, its pace, its patience with 429.

use ingest_genesys::platform::{Platform, PlatformError};
use throughline_sdk::genesys::calls::{Answer, Api, NoAnswer, Request};

pub(super) struct Through<'a>(pub(super) &'a Platform);

impl Api for Through<'_> {
    async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        match self.0.send(request.method.clone(), &request.path, request.body.as_ref()).await {
            Ok(answer) => {
                Ok(Answer { status: answer.status.as_u16(), retry_after: None, body: answer.body.into() })
            }
            // The token was revoked, and there is no other one.
            Err(PlatformError::Refused(refused)) if refused.request.ends_with("/oauth/token") => {
                Err(NoAnswer { why: refused.to_string(), sent: false })
            }
            Err(PlatformError::Refused(refused)) => Ok(Answer {
                status: refused.status,
                retry_after: refused.retry_after,
                body: refused.body.clone().into(),
            }),
            Err(error) => Err(NoAnswer { why: error.to_string(), sent: true }),
        }
    }

    fn server(&self) -> (Option<String>, Option<u16>) {
        let api = &self.0.base().api;
        (api.host_str().map(str::to_owned), api.port_or_known_default())
    }
}
