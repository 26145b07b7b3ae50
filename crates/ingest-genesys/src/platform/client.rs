//! Requests to the Platform API: at its pace, with a token, and again where that can help.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::base::Base;
use super::error::{Code, PlatformError, Refused};
use super::pace::{Pace, Told};
use super::proxy::{self, Proxies, Proxy};
use super::token::{Credentials, Grant, Token};

/// Wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Wait after a 429 without `Retry-After`.
const REFUSED_WAIT: Duration = Duration::from_secs(10);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How a service is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub base: Base,
    pub grant: Grant,
    /// For one attempt, its answer included.
    pub timeout: Duration,
    /// Bytes of one answer.
    pub body_limit: usize,
    /// Attempts for one request, where a later one may succeed.
    pub attempts: u32,
    /// The way there.
    pub proxies: Arc<Proxies>,
}

/// What the service said.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One OAuth client at one region. Requests through it share a token and a pace.
pub struct Platform {
    http: Client,
    settings: Settings,
    pace: Mutex<Pace>,
    token: tokio::sync::Mutex<Option<Token>>,
}

impl Settings {
    pub fn new(base: Base, grant: impl Into<Grant>) -> Self {
        Self {
            base,
            grant: grant.into(),
            timeout: Duration::from_secs(30),
            body_limit: 32 << 20,
            attempts: 6,
            proxies: Arc::default(),
        }
    }
}

impl Platform {
    /// `tls` says which certificates are believed.
    pub fn new(settings: Settings, tls: rustls::ClientConfig) -> Result<Self, PlatformError> {
        let unable = |error: reqwest::Error| PlatformError::Unreachable {
            host: settings.base.region.clone(),
            why: reason(&error),
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            .user_agent(concat!("throughline/", env!("CARGO_PKG_VERSION")));
        let client = settings.proxies.on(client, &settings.base);
        Ok(Self {
            http: client.build().map_err(unable)?,
            settings,
            pace: Mutex::default(),
            token: Default::default(),
        })
    }

    pub fn base(&self) -> &Base {
        &self.settings.base
    }

    /// The way that requests go, and sockets.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.settings.proxies
    }

    /// Requests left in this minute, and how many it has.
    pub fn left(&self) -> (u32, u32) {
        self.pace().left(Instant::now())
    }

    /// Reads the JSON answer to a `GET`; the path begins with `/api/`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, PlatformError> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends a body, or none, and reads the JSON answer.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, PlatformError> {
        let request = format!("{method} {}", without_query(path));
        let answer = self.send(method, path, body).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| PlatformError::garbled(request, &answer.body, &error))
    }

    /// Sends a request until it is answered with 2xx, refused for good, or tried often enough. What is not safe to
    /// repeat is repeated only where the service says that it did nothing.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, PlatformError> {
        let safe = !matches!(method, Method::POST | Method::PATCH);
        self.attempt(method, path, body, safe).await
    }

    /// [`send`](Self::send) for what is safe to repeat whatever its method: a question.
    pub async fn repeat(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, PlatformError> {
        self.attempt(method, path, body, true).await
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        safe: bool,
    ) -> Result<Answer, PlatformError> {
        let mut wait = FIRST_WAIT;
        let mut renewed = false;
        for attempt in 1.. {
            self.place().await;
            let token = self.bearer().await?;
            let error = match self.once(&method, path, body, &token).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.code() {
                // A token can be revoked before its time.
                Some(Code::Token) if !renewed && matches!(self.settings.grant, Grant::Client(_)) => {
                    renewed = true;
                    self.forget(&token).await;
                    continue;
                }
                Some(Code::TooMany) if attempt < self.settings.attempts => continue,
                _ => {}
            }
            if !safe || !error.passes() || attempt >= self.settings.attempts {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "asking again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        unreachable!("attempts end")
    }

    /// Gets a token now, so that whoever goes on knows that nothing has been asked yet.
    pub async fn log_in_first(&self) -> Result<(), PlatformError> {
        self.bearer().await.map(drop)
    }

    /// The token that requests carry now, for what is no request of this kind: a handshake.
    pub(crate) async fn token(&self) -> Result<String, PlatformError> {
        self.bearer().await
    }

    /// The OAuth client that it is for; nothing where a token was given.
    pub(crate) fn client_id(&self) -> &str {
        match &self.settings.grant {
            Grant::Client(credentials) => &credentials.client_id,
            Grant::Token(_) => "",
        }
    }

    /// Drops the token: the service said that it is revoked.
    pub async fn log_in_again(&self) {
        *self.token.lock().await = None;
    }

    /// Waits for a place in the minute.
    async fn place(&self) {
        loop {
            let taken = self.pace().take(Instant::now());
            match taken {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        token: &str,
    ) -> Result<Answer, PlatformError> {
        let name = format!("{method} {}", without_query(path));
        let base = &self.settings.base.api;
        let url = base.join(path.trim_start_matches('/')).map_err(|error| PlatformError::Garbled {
            request: name.clone(),
            why: format!("the address is wrong: {error}"),
        })?;
        let mut request = self.http.request(method.clone(), url.clone()).bearer_auth(token);
        request = match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.failed(&url, &error))?;
        self.read(name, &url, response).await
    }

    async fn read(&self, request: String, url: &Url, response: Response) -> Result<Answer, PlatformError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(&request, url, response).await;
        let now = Instant::now();
        self.pace().told(told(&headers), now);
        if status.is_success() {
            return Ok(Answer { status, headers, body: body? });
        }
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, self.proxy(url)) {
            let host = host(url);
            return Err(PlatformError::Proxy {
                host,
                why: proxy::refused(&proxy, None, true),
                passes: false,
            });
        }
        if status.is_redirection() {
            let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            let to = to.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(PlatformError::Redirected { request, to });
        }
        let after = retry_after(&headers);
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = after.unwrap_or(REFUSED_WAIT);
            tracing::warn!(%request, seconds = wait.as_secs(), "too many requests: waiting");
            self.pace().refused(wait, now);
        }
        let body = body.unwrap_or_default();
        Err(PlatformError::Refused(Box::new(Refused::read(request, status.as_u16(), after, &body))))
    }

    async fn body(&self, request: &str, url: &Url, mut response: Response) -> Result<Bytes, PlatformError> {
        let limit = self.settings.body_limit;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(url, &error))? {
            if body.len() + chunk.len() > limit {
                return Err(PlatformError::TooLarge { request: request.to_owned(), limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The token for a request; fetches one where there is none or its time is over.
    async fn bearer(&self) -> Result<String, PlatformError> {
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.renew > Instant::now()) {
            return Ok(token.value.clone());
        }
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            match self.log_in().await {
                Ok(new) => return Ok(token.insert(new).value.clone()),
                Err(error) if error.passes() && attempt < self.settings.attempts => {
                    let asked = match &error {
                        PlatformError::Refused(refused) => refused.retry_after,
                        _ => None,
                    };
                    tracing::debug!(%error, attempt, "logging in again");
                    tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("attempts end")
    }

    async fn log_in(&self) -> Result<Token, PlatformError> {
        let request = "POST /oauth/token".to_owned();
        let url = self.settings.base.login.join("oauth/token").map_err(|error| PlatformError::Garbled {
            request: request.clone(),
            why: format!("the address is wrong: {error}"),
        })?;
        let sent = Instant::now();
        let Credentials { client_id, client_secret } = match &self.settings.grant {
            Grant::Client(credentials) => credentials,
            Grant::Token(token) => {
                return Token::given(token, sent).map_err(|why| PlatformError::Garbled { request, why });
            }
        };
        let login = self
            .http
            .post(url.clone())
            .basic_auth(client_id, Some(&client_secret.0))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let response = login.send().await.map_err(|error| self.failed(&url, &error))?;
        let answer = self.read(request.clone(), &url, response).await?;
        Token::read(&answer.body, sent).map_err(|why| {
            let page = answer.body.trim_ascii_start().starts_with(b"<");
            let mend =
                if page { "; it is a web page: look for a proxy on the way that wants a login" } else { "" };
            PlatformError::Garbled { request, why: format!("{why}{mend}; is `region` the right address?") }
        })
    }

    /// Drops a token that is no longer believed, unless there is a newer one already.
    pub(crate) async fn forget(&self, refused: &str) {
        let mut token = self.token.lock().await;
        if token.as_ref().is_some_and(|token| token.value == refused) {
            *token = None;
        }
    }

    fn failed(&self, url: &Url, error: &reqwest::Error) -> PlatformError {
        let (host, why) = (host(url), reason(error));
        if error.is_timeout() {
            return PlatformError::Late { host, after: self.settings.timeout };
        }
        let Some(proxy) = self.proxy(url).filter(|_| error.is_connect()) else {
            return PlatformError::Unreachable { host, why };
        };
        let login = why.contains("authorization required");
        let why = match login || why.contains("unsuccessful") {
            true => proxy::refused(&proxy, None, login),
            false => format!("the proxy {proxy}: {why}"),
        };
        PlatformError::Proxy { host, why, passes: !login }
    }

    fn proxy(&self, url: &Url) -> Option<Proxy> {
        self.settings.proxies.of(&url.as_str().parse().ok()?)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The innermost cause: what the system said.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn told(headers: &HeaderMap) -> Told {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    Told {
        count: number("inin-ratelimit-count"),
        allowed: number("inin-ratelimit-allowed"),
        reset: number("inin-ratelimit-reset").map(|seconds| Duration::from_secs(u64::from(seconds))),
    }
}

/// Seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    let date = || httpdate::parse_http_date(text).ok()?.duration_since(std::time::SystemTime::now()).ok();
    seconds.or_else(date).map(|after| after.min(LONGEST_RETRY_AFTER))
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
