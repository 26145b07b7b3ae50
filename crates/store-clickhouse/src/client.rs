//! One request to the server, and its answer.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use store_api::StoreError;
use tls::{ClientTls, TlsError};

use crate::refused::Refused;
use crate::settings::{Endpoint, Settings};

/// Longest answer that we read into memory.
const MOST: usize = 1 << 30;
/// Of an error.
const MOST_SAID: usize = 64 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Endpoint,
    user: HeaderValue,
    key: HeaderValue,
    timeout: Duration,
}

/// Why there is no answer.
pub(crate) enum Failed {
    /// It said so.
    Refused(Refused),
    /// It did not answer, or not to the end.
    Away(String),
}

/// What came, with the name of its format.
pub(crate) struct Answer {
    pub(crate) format: Option<String>,
    body: Incoming,
}

impl Server {
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let endpoint = Endpoint::of(&settings.endpoint)?;
        let client = connect(settings, &endpoint).map_err(|error| error.to_string())?;
        let hidden = |what: &str, text: &str| {
            let value = HeaderValue::from_bytes(text.as_bytes());
            let mut value =
                value.map_err(|_| format!("`{what}` has a line break or another control character"))?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        Ok(Self {
            client,
            endpoint,
            user: hidden("username", &settings.username)?,
            key: hidden("password", &settings.password.0)?,
            timeout: settings.timeout.get(),
        })
    }

    pub(crate) fn place(&self) -> String {
        self.endpoint.to_string()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// `parameters` are names and values of ours: of settings, of what stands in a statement as `{name:Type}`.
    pub(crate) async fn ask(
        &self,
        parameters: &[(&str, &str)],
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, Failed> {
        let asked = async {
            let answer = self.send(parameters, body).await?;
            Limited::new(answer.body, MOST)
                .collect()
                .await
                .map(|body| body.to_bytes())
                .map_err(|error| Failed::Away(format!("the answer broke off: {}", chain(error.as_ref()))))
        };
        match tokio::time::timeout(within, asked).await {
            Ok(answered) => answered,
            Err(_) => Err(Failed::Away(format!("no answer within {within:?}"))),
        }
    }

    /// As far as the head of an answer that is no error.
    pub(crate) async fn send(&self, parameters: &[(&str, &str)], body: Bytes) -> Result<Answer, Failed> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri(parameters);
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static("x-clickhouse-user"), self.user.clone());
        headers.insert(HeaderName::from_static("x-clickhouse-key"), self.key.clone());
        let answer = self.client.request(request).await;
        let (head, body) = answer.map_err(|error| Failed::Away(chain(&error)))?.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let code = header("x-clickhouse-exception-code").and_then(|code| code.parse().ok());
        if head.status.is_success() && code.is_none() {
            return Ok(Answer { format: header("x-clickhouse-format").map(str::to_owned), body });
        }
        let said =
            Limited::new(body, MOST_SAID).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Err(Failed::Refused(Refused::of(head.status.as_u16(), code, &String::from_utf8_lossy(&said))))
    }

    pub(crate) fn error(&self, failed: Failed) -> StoreError {
        match failed {
            Failed::Refused(refused) => refused.into_error(&self.place()),
            Failed::Away(why) => StoreError::Server {
                place: self.place(),
                why,
                mend: "; is ClickHouse running there, and is this its HTTP interface?",
            },
        }
    }

    fn uri(&self, parameters: &[(&str, &str)]) -> Uri {
        let mut path = self.endpoint.0.path().to_owned();
        for (at, (name, value)) in parameters.iter().enumerate() {
            path.push(if at == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            escape(value, &mut path);
        }
        let mut parts = self.endpoint.0.clone().into_parts();
        // Everything but plain letters was escaped.
        parts.path_and_query = path.parse().ok();
        Uri::from_parts(parts).unwrap_or_else(|_| self.endpoint.0.clone())
    }
}

impl Answer {
    pub(crate) fn into_body(self) -> Incoming {
        self.body
    }
}

fn connect(
    settings: &Settings,
    endpoint: &Endpoint,
) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_secs(60)));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls =
        if endpoint.is_secure() { settings.tls.client_config()? } else { ClientTls::trusting_nobody()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match settings.tls.server_name() {
        Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
        None => builder,
    };
    let mut client = Client::builder(TokioExecutor::new());
    client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    // The server closes idle connections itself, after three seconds or ten.
    client.pool_idle_timeout(Duration::from_secs(2));
    Ok(client.build(builder.enable_http1().wrap_connector(tcp)))
}

fn escape(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// An error with what it comes from.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}
