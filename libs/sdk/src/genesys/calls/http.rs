//! Requests over `reqwest`.

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};

use super::api::{Answer, Api, NoAnswer, Request};

/// Bytes of one answer.
const LARGEST: usize = 8 << 20;
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The Platform API over a client of yours, with a token of yours.
///
/// Timeouts, proxies and certificates are those of the client. It logs in nowhere: take a token where your application
/// gets it, and make a new `Http` with the next one; it is as cheap as a clone of the client. Spans are made by
/// [`Calls`](super::Calls), so that the client needs no middleware.
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    token: HeaderValue,
}

/// Not the address of an API, or no token.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotAnApi(&'static str);

impl Http {
    /// `api` is the address of the API of your region, such as `https://api.mypurecloud.ie`.
    pub fn new(client: Client, api: &str, token: impl AsRef<str>) -> Result<Self, NotAnApi> {
        let no_url = || {
            NotAnApi(
                "the address of the API is one like https://api.mypurecloud.ie, without query and credentials",
            )
        };
        let mut base = Url::parse(api).map_err(|_| no_url())?;
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !plain
            || base.password().is_some()
            || !base.has_host()
            || !matches!(base.scheme(), "http" | "https")
        {
            return Err(no_url());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let token = HeaderValue::from_str(&format!("Bearer {}", token.as_ref().trim()));
        let mut token = token.map_err(|_| NotAnApi("a token has visible characters alone"))?;
        token.set_sensitive(true);
        Ok(Self { client, base, token })
    }
}

impl Api for Http {
    async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let url = self.base.join(request.path.trim_start_matches('/'));
        let url = url.map_err(|error| NoAnswer { why: error.to_string(), sent: false })?;
        let mut asked =
            self.client.request(request.method.clone(), url).header(AUTHORIZATION, self.token.clone());
        if let Some(body) = &request.body {
            asked = asked.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let failed = |error: reqwest::Error| NoAnswer { sent: !error.is_connect(), why: cause(&error) };
        let response = asked.send().await.map_err(failed)?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        Ok(Answer { status, retry_after, body: body(response).await? })
    }

    fn server(&self) -> (Option<String>, Option<u16>) {
        (self.base.host_str().map(str::to_owned), self.base.port_or_known_default())
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    let failed = |error: reqwest::Error| NoAnswer { why: cause(&error), sent: true };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(NoAnswer { why: format!("the answer is larger than {LARGEST} bytes"), sent: true });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Seconds. A date would need the clock of the service.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// The innermost cause; what reqwest says itself holds the URL.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
