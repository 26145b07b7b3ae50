//! Events posted to an address, as an API destination of EventBridge does.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Events that wait to be posted; more are counted and lost.
pub(super) const WAITING: usize = 50_000;
const IN_FLIGHT: usize = 32;
const ATTEMPTS: u32 = 6;

/// Where events go.
#[derive(Clone)]
pub struct EventBridge {
    pub url: Uri,
    /// `x-api-key`, `authorization`: what the receiver asks for.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl EventBridge {
    /// An `http://` address, and a header as `name: value`.
    pub fn parse(url: &str, header: Option<&str>) -> Result<Self, String> {
        let url: Uri = url.parse().map_err(|error| format!("`{url}` is no address: {error}"))?;
        if url.scheme_str() != Some("http") || url.host().is_none() {
            return Err("write a whole address with http://".to_owned());
        }
        let header = header.map(|header| {
            let wrong = || "write a header as `name: value`".to_owned();
            let (name, value) = header.split_once(':').ok_or_else(wrong)?;
            let name = name.trim().parse().map_err(|_| wrong())?;
            Ok::<_, String>((name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?))
        });
        Ok(Self { url, header: header.transpose()? })
    }
}

impl std::fmt::Debug for EventBridge {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = self.header.as_ref().map(|(name, _)| name);
        out.debug_struct("EventBridge").field("url", &self.url).field("header", &header).finish()
    }
}

type Poster = Client<HttpConnector, Full<Bytes>>;

pub(super) async fn run(bridge: EventBridge, mut events: mpsc::Receiver<Value>) {
    let client: Poster = Client::builder(TokioExecutor::new()).build_http();
    let mut posting = JoinSet::new();
    while let Some(event) = events.recv().await {
        if posting.len() >= IN_FLIGHT {
            posting.join_next().await;
        }
        let (client, bridge) = (client.clone(), bridge.clone());
        posting.spawn(async move { post(&client, &bridge, Bytes::from(event.to_string())).await });
    }
}

/// At least once: again until it is taken, a few times, with longer and longer waits.
async fn post(client: &Poster, bridge: &EventBridge, body: Bytes) {
    for attempt in 0..ATTEMPTS {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = bridge.url.clone();
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some((name, value)) = &bridge.header {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if client.request(request).await.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        sleep(Duration::from_millis(100 << attempt)).await;
    }
}
