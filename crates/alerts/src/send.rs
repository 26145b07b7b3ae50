//! One message to one receiver.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use tls::ClientTls;

use crate::message::Message;
use crate::settings::{Kind, Receiver, Settings};

/// Idle connections of one receiver.
const IDLE: usize = 1;
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Everybody who can be told.
pub(crate) struct Senders {
    by_name: BTreeMap<String, Sender>,
    page_url: String,
    /// How long an alert holds at Alertmanager when it is not sent again.
    holds_ns: u64,
}

struct Sender {
    receiver: Receiver,
    client: Client,
    headers: HeaderMap,
}

/// Why a receiver did not take it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refused {
    pub(crate) why: String,
    /// Asking again does not help.
    pub(crate) for_good: bool,
    pub(crate) after: Option<Duration>,
}

impl Refused {
    fn for_now(why: impl Into<String>) -> Self {
        Self { why: why.into(), for_good: false, after: None }
    }
}

impl Senders {
    pub(crate) fn new(settings: &Settings, page_url: String) -> Result<Self, String> {
        let sender = |(name, receiver): (&String, &Receiver)| {
            let wrong = |why: &dyn std::fmt::Display| format!("receiver `{name}`: {why}");
            let tls =
                ClientTls::trusting(&receiver.ca_file).client_config().map_err(|error| wrong(&error))?;
            let client = Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(Policy::none())
                .timeout(receiver.timeout.get())
                .connect_timeout(receiver.timeout.get())
                .pool_max_idle_per_host(IDLE)
                .user_agent(concat!("throughline/", env!("CARGO_PKG_VERSION")));
            let mut headers = HeaderMap::new();
            for (name, value) in &receiver.headers {
                let name: HeaderName = name.parse().map_err(|error| wrong(&error))?;
                let mut value = HeaderValue::from_str(&value.0).map_err(|error| wrong(&error))?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            let client = client.build().map_err(|error| wrong(&error))?;
            Ok((name.clone(), Sender { receiver: receiver.clone(), client, headers }))
        };
        let holds = settings.interval.max(settings.resend_interval).nanos().saturating_mul(4);
        let by_name = settings.receivers.iter().map(sender).collect::<Result<_, String>>()?;
        Ok(Self { by_name, page_url, holds_ns: holds })
    }

    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.by_name.get(name).map(|sender| sender.receiver.kind)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&String, Kind)> {
        self.by_name.iter().map(|(name, sender)| (name, sender.receiver.kind))
    }

    pub(crate) async fn send(&self, name: &str, messages: &[Message], now_ns: u64) -> Result<(), Refused> {
        let Some(sender) = self.by_name.get(name) else {
            let why = "it is not in the configuration any more".to_owned();
            return Err(Refused { why, for_good: true, after: None });
        };
        match sender.receiver.kind {
            Kind::Alertmanager => {
                let alert = |message: &Message| {
                    message.alertmanager(&self.page_url, now_ns.saturating_add(self.holds_ns))
                };
                sender.post(&Value::Array(messages.iter().map(alert).collect()), None, now_ns).await
            }
            Kind::Webhook => {
                for message in messages {
                    sender.post(&message.webhook(&self.page_url), Some(&message.id()), now_ns).await?;
                }
                Ok(())
            }
        }
    }
}

impl Sender {
    async fn post(&self, body: &Value, id: Option<&str>, now_ns: u64) -> Result<(), Refused> {
        let body = body.to_string();
        let mut request = self
            .client
            .post(self.url())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json");
        if let Some(id) = id {
            let at = (now_ns / 1_000_000_000).to_string();
            if !self.receiver.secret.0.is_empty() {
                request =
                    request.header("webhook-signature", signature(&self.receiver.secret.0, id, &at, &body));
            }
            request = request.header("webhook-id", id).header("webhook-timestamp", at);
        }
        let answer = request.body(body).send().await.map_err(|error| Refused::for_now(reason(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let later = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
            );
        let after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        Err(Refused {
            why: format!("it answered {status}"),
            for_good: !later,
            after: after.map(Duration::from_secs).map(|after| after.min(LONGEST_WAIT)),
        })
    }

    fn url(&self) -> String {
        const ALERTS: &str = "/api/v2/alerts";
        let url = self.receiver.url.trim_end_matches('/');
        match self.receiver.kind {
            Kind::Webhook => self.receiver.url.clone(),
            Kind::Alertmanager if url.ends_with(ALERTS) => url.to_owned(),
            Kind::Alertmanager => format!("{url}{ALERTS}"),
        }
    }
}

/// As Standard Webhooks has it: `v1,` and the base64 of HMAC-SHA256 over id, seconds and body. A secret with the prefix
/// `whsec_` is base64, another one is taken as it is.
fn signature(secret: &str, id: &str, at: &str, body: &str) -> String {
    let decoded = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The innermost cause, without the address, which may hold a token.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("it cannot be reached: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_as_the_standard_has_it() {
        // The example of the specification's libraries.
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
