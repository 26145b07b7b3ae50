//! A question in SQL, to a throughline that runs or to a directory of its files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use flow::config::GoDuration;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::Uri;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use store_api::TraceStore;
use store_api::door::Settings;
use store_api::sql::{self, Format, Limits, Question};
use tokio::net::TcpStream;

use crate::{components, exit};

/// Where the page is unless its configuration says otherwise.
const USUAL: &str = "http://127.0.0.1:7717";
/// Bytes of an error.
const LONGEST_ERROR: usize = 64 << 10;

#[derive(Args)]
pub(crate) struct Source {
    /// The throughline to ask; without it, the one at http://127.0.0.1:7717, else the usual directory.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A directory of the `lake` exporter that no throughline has open.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    store: Option<PathBuf>,
}

/// Why there is no answer, and with what the command ends.
pub(crate) struct Failed {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failed {
    fn new(code: u8, message: &str, help: &str) -> Self {
        Self { code, message: format!("error: {message}\nhelp: {help}") }
    }

    pub(crate) fn other(error: impl std::fmt::Display) -> Self {
        Self { code: exit::FAILED, message: format!("error: {error}") }
    }
}

/// Who answers.
pub(crate) enum Asked {
    Server(Uri),
    Store(Arc<dyn TraceStore>),
}

impl Source {
    pub(crate) async fn open(&self) -> Result<Asked, Failed> {
        if let Some(directory) = &self.store {
            return open(directory.clone()).await;
        }
        let address = self.server.as_deref().unwrap_or(USUAL);
        let uri = server(address)?;
        if self.server.is_some() || connect(&uri).await.is_ok() {
            return Ok(Asked::Server(uri));
        }
        let usual = Settings::default().directory;
        if !usual.is_dir() {
            let what = format!("nothing answers at {USUAL}, and there is no store in {}", usual.display());
            let help = "start `throughline run`, or name a server with --server or a directory with --store";
            return Err(Failed::new(exit::FAILED, &what, help));
        }
        open(usual).await
    }
}

async fn open(directory: PathBuf) -> Result<Asked, Failed> {
    if !directory.is_dir() {
        let what = format!("{} is not a directory", directory.display());
        return Err(Failed::new(exit::INPUT, &what, "name the `directory` of the `lake` exporter"));
    }
    // What a configuration keeps longer than usual must not go because somebody looks.
    let for_ever = GoDuration::from_secs(1000 * 365 * 24 * 3600);
    let settings = Settings { directory, retention: for_ever, ..Settings::default() };
    (components::OPEN_STORE)(settings).await.map(Asked::Store).map_err(Failed::other)
}

fn server(address: &str) -> Result<Uri, Failed> {
    let uri =
        address.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    uri.ok_or_else(|| {
        let what = format!("`{address}` is not an address of a throughline");
        Failed::new(
            exit::USAGE,
            &what,
            "write it as http://127.0.0.1:7717; https is for browsers and proxies",
        )
    })
}

async fn connect(uri: &Uri) -> std::io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await
}

impl Asked {
    /// Gives out the answer as it comes.
    pub(crate) async fn ask(
        &self,
        text: &str,
        format: Format,
        limits: Limits,
        mut give: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Failed> {
        match self {
            Self::Server(uri) => {
                let mut body = post(uri, text, format, limits).await?;
                while let Some(frame) = body.frame().await {
                    let frame = frame.map_err(|_| broken())?;
                    give(frame.data_ref().unwrap_or(&Bytes::new())).map_err(Failed::other)?;
                }
            }
            Self::Store(store) => {
                let question = Question { text: text.to_owned(), format, limits };
                let mut answer = store.sql(question).await.map_err(|failed| failure(&failed))?;
                while let Some(chunk) = answer.body.next().await {
                    let chunk = chunk.map_err(|failed| failure(&failed))?;
                    give(&chunk).map_err(Failed::other)?;
                }
            }
        }
        Ok(())
    }
}

fn broken() -> Failed {
    let help = "its log says why: a limit, most likely; ask for less";
    Failed::new(exit::FAILED, "the server broke the answer off", help)
}

async fn post(uri: &Uri, text: &str, format: Format, limits: Limits) -> Result<Incoming, Failed> {
    let address = uri.to_string();
    let gone = |error: String| {
        let help = "is it running? --server names another one, --store a directory";
        Failed::new(exit::FAILED, &format!("cannot ask {address}: {error}"), help)
    };
    let stream = connect(uri).await.map_err(|error| gone(error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| gone(error.to_string()))?;
    tokio::spawn(connection);
    let body = serde_json::json!({
        "query": text, "format": format.name(), "max_rows": limits.rows, "max_seconds": limits.time.as_secs().max(1),
    });
    let request = hyper::Request::post("/api/v1/sql")
        .header("host", uri.authority().map_or("", |authority| authority.as_str()))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(Failed::other)?;
    let response = sender.send_request(request).await.map_err(|error| gone(error.to_string()))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    let body = http_body_util::Limited::new(response.into_body(), LONGEST_ERROR).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let error: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| error.pointer(&format!("/error/{name}")).and_then(serde_json::Value::as_str);
    let Some(message) = field("message") else { return Err(gone(format!("it answers {status}"))) };
    let number = |name: &str| error.pointer(&format!("/error/{name}")).and_then(serde_json::Value::as_u64);
    let code = if status.is_client_error() { exit::INPUT } else { exit::FAILED };
    let message = placed(message, number("line").zip(number("column")));
    Err(Failed::new(code, &message, field("help").unwrap_or_default()))
}

fn failure(failed: &sql::Failed) -> Failed {
    let (code, place) = match failed {
        sql::Failed::Wrong { place, .. } => (exit::INPUT, *place),
        sql::Failed::Refused(_) | sql::Failed::Limit { .. } => (exit::INPUT, None),
        sql::Failed::Unsupported | sql::Failed::Store(_) => (exit::FAILED, None),
    };
    Failed::new(code, &placed(&failed.to_string(), place), failed.help())
}

fn placed(message: &str, place: Option<(u64, u64)>) -> String {
    match place {
        Some((line, column)) => format!("line {line}, column {column}: {message}"),
        None => message.to_owned(),
    }
}

/// What a command allows a question to cost.
pub(crate) fn limits(rows: u64, seconds: u64) -> Limits {
    Limits { rows, bytes: u64::MAX, time: Duration::from_secs(seconds), ..Limits::default() }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn ended(done: Result<(), Failed>) -> std::process::ExitCode {
    match done {
        Ok(()) => exit::OK,
        Err(Failed { code, message }) => {
            eprintln!("{message}");
            std::process::ExitCode::from(code)
        }
    }
}
