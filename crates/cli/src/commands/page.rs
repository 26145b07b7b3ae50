//! A throughline that runs, asked over the API beside its page.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::ask::Failed;
use crate::exit;

/// Where the page is unless its configuration says otherwise.
pub(crate) const USUAL: &str = "http://127.0.0.1:7717";
/// Bytes of an error, and of an answer.
const LONGEST_ERROR: usize = 64 << 10;
const LONGEST: usize = 512 << 20;
/// The server gives up after half of it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Page {
    uri: Uri,
}

/// Why a question has no answer.
pub(crate) enum Unanswered {
    /// Nobody there, or nobody of ours.
    Gone(String),
    /// The server's own words.
    Said { status: StatusCode, message: String, help: String, place: Option<(u64, u64)> },
}

impl Page {
    pub(crate) fn at(address: &str) -> Result<Self, Failed> {
        let uri = address.parse::<Uri>().ok();
        let uri = uri.filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        let uri = uri.ok_or_else(|| {
            let what = format!("`{}` is not an address of a throughline", view_term::text::shown(address));
            let help = "write it as http://127.0.0.1:7717; https is for browsers and proxies";
            Failed::new(exit::USAGE, &what, help)
        })?;
        Ok(Self { uri })
    }

    pub(crate) async fn connect(&self) -> std::io::Result<TcpStream> {
        let host = self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        TcpStream::connect((host, self.uri.port_u16().unwrap_or(80))).await
    }

    /// The answer, once its head is there and says success.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let gone = |error: &dyn std::fmt::Display| Unanswered::Gone(error.to_string());
        let stream = self.connect().await.map_err(|error| gone(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| gone(&error))?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", self.uri.authority().map_or("", |authority| authority.as_str()));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())));
        let request = request.map_err(|error| gone(&error))?;
        let response = sender.send_request(request).await.map_err(|error| gone(&error))?;
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(refused(status, response.into_body()).await) }
    }

    /// The bytes of one answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, Unanswered> {
        let asked = async {
            let response = self.send(Method::GET, path, None).await?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            body.map(|body| body.to_bytes()).map_err(|error| Unanswered::Gone(error.to_string()))
        };
        let waited = || Unanswered::Gone(format!("no answer within {} seconds", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(waited()))
    }

    /// Why there is no answer, in words.
    pub(crate) fn failed(&self, why: Unanswered, help: &str) -> Failed {
        match why {
            Unanswered::Gone(error) => {
                Failed::new(exit::FAILED, &format!("cannot ask {}: {error}", self.uri), help)
            }
            Unanswered::Said { status, message, help, place } => {
                let code = if status.is_client_error() { exit::INPUT } else { exit::FAILED };
                let message = match place {
                    Some((line, column)) => format!("line {line}, column {column}: {message}"),
                    None => message,
                };
                Failed::new(code, &safe(&message), &safe(&help))
            }
        }
    }
}

/// An error may repeat what a span holds.
fn safe(text: &str) -> String {
    text.lines().map(view_term::text::shown).collect::<Vec<_>>().join("\n")
}

async fn refused(status: StatusCode, body: Incoming) -> Unanswered {
    let body = Limited::new(body, LONGEST_ERROR).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let error: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| error.pointer(&format!("/error/{name}"));
    let text = |name: &str| field(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let number = |name: &str| field(name).and_then(serde_json::Value::as_u64);
    match text("message") {
        None => Unanswered::Gone(format!("it answers {status}")),
        Some(message) => {
            let place = number("line").zip(number("column"));
            Unanswered::Said { status, message, help: text("help").unwrap_or_default(), place }
        }
    }
}

/// What the API answers, as this release knows it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failed> {
    serde_json::from_slice(bytes).map_err(|error| {
        let help = "is the server a throughline of this release?";
        Failed::new(exit::FAILED, &format!("the answer cannot be read: {error}"), help)
    })
}

/// For one part of a path, or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// The opposite; nothing where it is no text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_into_an_address() {
        for text in ["call-1", "a b&c=d/e?f#g%", "\u{1b}\n", "héllo", ""] {
            assert!(encoded(text).bytes().all(|byte| byte.is_ascii_graphic() && !b"&=/?#".contains(&byte)));
            assert_eq!(decoded(&encoded(text)).unwrap(), text);
        }
        assert_eq!(decoded("%f"), None);
        assert_eq!(decoded("%ff"), None);
    }
}
