//! A provider's documents: small JSON by GET.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::net::failure::chain;
use crate::net::tls::ClientTls;

const WITHIN: Duration = Duration::from_secs(10);
const LARGEST: usize = 1 << 20;

pub(super) struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Fetch {
    /// Trusts the authorities of a file, or those of the system.
    pub(super) fn new(ca_file: &str) -> Result<Self, String> {
        let tls = ClientTls::trusting(ca_file).client_config().map_err(|error| error.to_string())?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Redirects are not followed: keys come from where the configuration says.
    pub(super) async fn json(&self, uri: &Uri) -> Result<Value, String> {
        let whole = async {
            let mut request = Request::new(Empty::<Bytes>::new());
            *request.uri_mut() = uri.clone();
            let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
            if !answer.status().is_success() {
                return Err(format!("it answered {}", answer.status()));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            body.map(|body| body.to_bytes()).map_err(|error| error.to_string())
        };
        let late = || Err(format!("no answer within {WITHIN:?}"));
        let body: Result<Bytes, String> =
            tokio::time::timeout(WITHIN, whole).await.unwrap_or_else(|_| late());
        let body = body.map_err(|why| format!("{uri}: {why}"))?;
        serde_json::from_slice(&body).map_err(|error| format!("{uri}: the answer is no JSON ({error})"))
    }
}
