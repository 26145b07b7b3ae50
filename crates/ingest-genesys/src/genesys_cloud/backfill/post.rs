//! Spans to a receiver of OTLP over HTTP.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::time::sleep;

use super::Stopped;

const TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 8;

pub(super) struct Post {
    http: Client,
    url: Url,
}

impl Post {
    pub(super) fn new(base: &Url, tls: rustls::ClientConfig) -> Result<Self, Stopped> {
        let wrong = |why: String| Stopped::Setting(format!("{base}: {why}"));
        let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
        let mut url = base.clone();
        url.set_path(&path);
        let http = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).timeout(TIMEOUT);
        Ok(Self { http: http.build().map_err(|error| wrong(error.to_string()))?, url })
    }

    /// Sends until it is taken, refused for good, or tried often enough.
    pub(super) async fn send(&self, spans: Vec<u8>) -> Result<(), Stopped> {
        if spans.is_empty() {
            return Ok(());
        }
        let spans = bytes::Bytes::from(spans);
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-protobuf");
            let (why, again) = match request.body(spans.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let again = matches!(answer.status().as_u16(), 429 | 502 | 503 | 504);
                    (format!("{} answered {}", self.url, answer.status()), again)
                }
                Err(error) => (error.to_string(), true),
            };
            if !again || attempt >= ATTEMPTS {
                return Err(Stopped::Refused(why));
            }
            tracing::debug!(why, attempt, "sending again");
            sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }
}
