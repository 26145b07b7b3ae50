//! A question in SQL, to a throughline that runs or to a directory of its files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use flow::config::GoDuration;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response};
use store_api::TraceStore;
use store_api::door::{Cluster, Settings};
use store_api::sql::{self, Format, Limits, On, Question, Worked};

use super::page::{Page, USUAL};
use crate::{components, exit};

#[derive(Args)]
pub(crate) struct Source {
    /// The throughline to ask; without it, the one at http://127.0.0.1:7717, else the usual directory.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A directory of the `lake` exporter that no throughline has open.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    store: Option<PathBuf>,
    /// A Ballista cluster of `throughline cluster`, which sees the same files: works the answer out, if it can.
    #[arg(long, value_name = "df://HOST:PORT", requires = "store")]
    scheduler: Option<String>,
}

/// What a question may read, where it is worked out without a cluster.
#[derive(Args)]
pub(crate) struct Reach {
    /// A question that reads more files is refused; `sql_max_files` of a server's store may allow fewer [usually: 20000]
    #[arg(long, value_name = "FILES", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    max_files: Option<u64>,
    /// A question that reads more MiB of them is refused; `sql_max_scanned_mib` may allow fewer [usually: 16384]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    max_scanned_mib: Option<u64>,
}

/// Why there is no answer, and with what the command ends.
pub(crate) struct Failed {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failed {
    pub(crate) fn new(code: u8, message: &str, help: &str) -> Self {
        Self { code, message: format!("error: {message}\nhelp: {help}") }
    }

    pub(crate) fn other(error: impl std::fmt::Display) -> Self {
        Self { code: exit::FAILED, message: format!("error: {error}") }
    }
}

/// Who answers.
pub(crate) enum Asked {
    Server(Page),
    Store(Arc<dyn TraceStore>),
}

impl Source {
    pub(crate) async fn open(&self) -> Result<Asked, Failed> {
        if let Some(directory) = &self.store {
            return open(directory.clone(), self.scheduler.as_deref()).await;
        }
        let address = self.server.as_deref().unwrap_or(USUAL);
        let page = Page::at(address)?;
        if self.server.is_some() || page.connect().await.is_ok() {
            return Ok(Asked::Server(page));
        }
        let usual = Settings::default().directory;
        if !usual.is_dir() {
            let what = format!("nothing answers at {USUAL}, and there is no store in {}", usual.display());
            let help = "start `throughline run`, or name a server with --server or a directory with --store";
            return Err(Failed::new(exit::FAILED, &what, help));
        }
        open(usual, None).await
    }
}

async fn open(directory: PathBuf, scheduler: Option<&str>) -> Result<Asked, Failed> {
    if !directory.is_dir() {
        let what = format!("{} is not a directory", directory.display());
        return Err(Failed::new(exit::INPUT, &what, "name the `directory` of the `lake` exporter"));
    }
    // What a configuration keeps longer than usual must not go because somebody looks.
    let for_ever = GoDuration::from_secs(1000 * 365 * 24 * 3600);
    let cluster = scheduler.map(|scheduler| Cluster { from_spans: 0, ..Cluster::at(scheduler) });
    let settings = Settings {
        directory,
        retention: for_ever,
        // Whoever asks is who runs it.
        sql_max_files: usize::MAX,
        sql_max_scanned_mib: u64::MAX,
        cluster,
        ..Settings::default()
    };
    (components::OPEN_STORE)(settings).await.map(Asked::Store).map_err(Failed::other)
}

impl Asked {
    /// Gives out the answer as it comes.
    pub(crate) async fn ask(
        &self,
        text: &str,
        format: Format,
        limits: Limits,
        on: On,
        mut give: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Failed> {
        match self {
            Self::Server(page) => {
                let response = post(page, text, format, limits, on).await?;
                let worked = response.headers().get("throughline-worked").and_then(|told| told.to_str().ok());
                note(worked.and_then(|told| told.strip_prefix("here; ")));
                let mut body = response.into_body();
                while let Some(frame) = body.frame().await {
                    let frame = frame.map_err(|_| broken())?;
                    give(frame.data_ref().unwrap_or(&Bytes::new())).map_err(Failed::other)?;
                }
            }
            Self::Store(store) => {
                let question = Question { text: text.to_owned(), format, limits, on };
                let mut answer = store.sql(question).await.map_err(|failed| failure(&failed))?;
                if let Some(Worked::Instead(why)) = &answer.worked {
                    note(Some(why));
                }
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

/// That it was not the cluster.
#[expect(clippy::print_stderr, reason = "beside the answer to a command")]
fn note(why: Option<&str>) {
    if let Some(why) = why {
        eprintln!("note: worked out here, not on the cluster: {why}");
    }
}

async fn post(
    page: &Page,
    text: &str,
    format: Format,
    limits: Limits,
    on: On,
) -> Result<Response<Incoming>, Failed> {
    let mut body = serde_json::json!({
        "query": text, "format": format.name(), "max_rows": limits.rows, "max_seconds": limits.time.as_secs().max(1),
    });
    if let Some(body) = body.as_object_mut() {
        let usual = Limits::default();
        let mut more = |of, name: &str, value: serde_json::Value| {
            if of {
                body.insert(name.to_owned(), value);
            }
        };
        more(limits.files != usual.files, "max_files", limits.files.into());
        more(limits.scanned != usual.scanned, "max_scanned_mib", (limits.scanned >> 20).into());
        more(on != On::Either, "on", on.name().into());
    }
    let help = "is it running? --server names another one, --store a directory";
    let response = page.send(Method::POST, "/api/v1/sql", Some(body.to_string())).await;
    response.map_err(|why| page.failed(why, help))
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
pub(crate) fn limits(rows: u64, seconds: u64, reach: &Reach) -> Limits {
    let usual = Limits::default();
    let files = reach.max_files.map_or(usual.files, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let scanned = reach.max_scanned_mib.map_or(usual.scanned, |mib| mib << 20);
    Limits { rows, bytes: u64::MAX, time: Duration::from_secs(seconds), files, scanned }
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
