//! A way through a proxy: `CONNECT`, and TLS in it.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::Proxy;

/// Bytes of a proxy's answer.
const HEAD: usize = 16 << 10;

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Why there is no way, with what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Blocked {
    /// It is the proxy's doing.
    pub(crate) by_proxy: bool,
    pub(crate) why: String,
}

impl Blocked {
    pub(super) fn unreachable(host: &str, proxy: Option<&Proxy>, error: &dyn Display) -> Self {
        let why = match proxy {
            Some(proxy) => {
                format!(
                    "the proxy {proxy} cannot be reached: {error}; check `proxy_url`, or HTTPS_PROXY in the environment"
                )
            }
            None => format!("{host}: {error}"),
        };
        Self { by_proxy: proxy.is_some(), why }
    }
}

/// Asks the proxy for the way; what is read is no byte more than its answer.
pub(super) async fn open(
    mut stream: Box<dyn Io>,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Box<dyn Io>, Blocked> {
    let to = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let cut = |error: io::Error| Blocked {
        by_proxy: true,
        why: format!("the proxy {proxy} did not answer CONNECT {to}: {error}; is it a proxy for HTTP?"),
    };
    stream.write_all(&request(&to, proxy.login.as_ref())).await.map_err(cut)?;
    stream.flush().await.map_err(cut)?;
    let status = answer(&mut stream).await.map_err(cut)?;
    match status {
        200..=299 => Ok(stream),
        _ => Err(Blocked { by_proxy: true, why: refused(proxy, Some((&to, status)), status == 407) }),
    }
}

/// A refusal by a proxy, with what to do; `what` is missing where the client did not tell.
pub(in crate::platform) fn refused(proxy: &Proxy, what: Option<(&str, u16)>, wants_login: bool) -> String {
    let said = what.map_or_else(
        || "did not open a way".to_owned(),
        |(to, status)| format!("answered {status} to CONNECT {to}"),
    );
    let mend = match (wants_login, proxy.login.is_some()) {
        (true, false) => {
            "it wants a login: write it into `proxy_url` (or HTTPS_PROXY), as in `http://user:password@host:port`"
        }
        (true, true) => {
            "it does not take the login of `proxy_url` (or HTTPS_PROXY); in it, `@`, `:` and `%` are written as %40, %3A and %25"
        }
        (false, _) => "let whoever runs it allow CONNECT to this host and port",
    };
    format!("the proxy {proxy} {said}; {mend}")
}

/// TLS over what is open already.
pub(crate) async fn tls_over(
    stream: Box<dyn Io>,
    host: &str,
    tls: &Arc<rustls::ClientConfig>,
) -> io::Result<Box<dyn Io>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::other(format!("{host} is not a name for TLS")))?;
    Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?))
}

fn request(to: &str, login: Option<&HeaderValue>) -> Vec<u8> {
    let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(login) = login {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(login.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Reads to the end of the head: what comes behind it is not the proxy's.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return Err(io::Error::other(format!("more than {HEAD} bytes of headers")));
        }
        head.push(stream.read_u8().await?);
    }
    let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = std::str::from_utf8(first).unwrap_or_default();
    let status = words.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::other("what it answered is not HTTP/1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(said: &'static [u8], login: Option<&'static str>) -> (Result<Vec<u8>, Blocked>, String) {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        theirs.write_all(said).await.unwrap();
        let login = login.map(HeaderValue::from_static);
        let proxy = Proxy { host: "proxy.example".to_owned(), port: 3128, secure: false, login };
        let way = open(Box::new(ours), &proxy, "api.example", 443).await;
        let way = match way {
            Ok(mut way) => {
                theirs.shutdown().await.unwrap();
                let mut rest = Vec::new();
                way.read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(why) => Err(why),
        };
        let mut asked = vec![0; 4096];
        let length = theirs.read(&mut asked).await.unwrap();
        (way, String::from_utf8_lossy(&asked[..length]).into_owned())
    }

    #[tokio::test]
    async fn a_way_begins_behind_the_answer() {
        let (way, asked) = opened(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\nfirst", Some("Basic dTpw")).await;
        assert_eq!(way, Ok(b"first".to_vec()));
        assert_eq!(
            asked,
            "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do() {
        for (said, login, words) in [
            (
                &b"HTTP/1.1 407 No\r\n\r\n"[..],
                None,
                "answered 407 to CONNECT api.example:443; it wants a login",
            ),
            (b"HTTP/1.0 407 No\r\n\r\n", Some("Basic dTpw"), "does not take the login"),
            (
                b"HTTP/1.1 502 Bad\r\n\r\n",
                None,
                "answered 502 to CONNECT api.example:443; let whoever runs it",
            ),
            (b"HTTP/1.1 403\r\n\r\n", None, "answered 403"),
            (b"SSH-2.0-x\r\n\r\n", None, "not HTTP/1; is it a proxy for HTTP?"),
            (b"HTTP/1.1 2", None, "did not answer CONNECT api.example:443"),
        ] {
            let (way, _) = if said.ends_with(b"2") { cut(said).await } else { opened(said, login).await };
            let why = way.unwrap_err().to_string();
            assert!(why.starts_with("the proxy proxy.example:3128 ") && why.contains(words), "{why}");
            assert!(!why.contains("dTpw"), "{why}");
        }
        let endless: &'static [u8] = vec![b'x'; HEAD + 100].leak();
        let (way, _) = opened(endless, None).await;
        assert!(way.unwrap_err().why.contains("more than 16384 bytes of headers"));
    }

    async fn cut(said: &'static [u8]) -> (Result<Vec<u8>, Blocked>, String) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(said).await.unwrap();
        theirs.shutdown().await.unwrap();
        let proxy = Proxy { host: "proxy.example".to_owned(), port: 3128, secure: false, login: None };
        let way = open(Box::new(ours), &proxy, "api.example", 443).await;
        (way.map(|_| Vec::new()), String::new())
    }
}
