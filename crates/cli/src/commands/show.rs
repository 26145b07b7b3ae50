//! `throughline show`.

mod find;

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use hyper::body::Bytes;
use serde_json::Value;
use view_term::answer::{Interaction, Trace};
use view_term::call::{self, Beside, Options};

use super::ask::{Failed, ended};
use super::page::{Page, USUAL, encoded, read};
use super::screen::{self, Screen};
use find::{Found, find};

/// For what the picture can stand without.
const BESIDE: Duration = Duration::from_secs(10);
pub(super) const HELP: &str = "start `throughline run`, or name one that runs with --server";

#[derive(Args)]
#[command(
    after_help = "Examples:\n  throughline show c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54\n  throughline show a84b4c76e66710@pc33.example.com --zone Europe/Berlin   # a SIP Call-ID\n  throughline show 4bf92f3577b34da6a3ce929d0e0e4736 --width 200 --color always | less -RS\n  throughline show c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54 --json | jq '.lost'\n\nBars: █ somebody or something works for the caller, ░ the caller waits, ╱╱ a stretch is left out of the scale, ▸ goes on. Signs in front of spans: ✗ failed, ! trace context did not lead here, ▸ goes on.\n\nExit codes: 0 shown, 1 there is no such interaction or there are several, 2 the command line is wrong, 3 nobody could answer."
)]
pub(crate) struct Arguments {
    /// Any id: of a conversation, a trace or a span, a SIP Call-ID, or the value of any attribute; or a link to the page.
    #[arg(value_name = "ID")]
    id: String,
    /// The throughline to ask.
    #[arg(long, visible_alias = "address", value_name = "URL", default_value = USUAL)]
    server: String,
    /// At most so many spans; of a longer call those that say most about its time.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    spans: u32,
    #[command(flatten)]
    screen: Screen,
    /// For programs: one JSON object, with the answers of the API as they come.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    ended(runtime.map_err(Failed::other).and_then(|runtime| runtime.block_on(show(arguments))))
}

async fn show(arguments: &Arguments) -> Result<(), Failed> {
    let page = Page::at(&arguments.server)?;
    let found = find(&page, &arguments.id).await?;
    if arguments.json { print_json(&page, &found).await } else { draw(&page, found, arguments).await }
}

/// Draws one interaction, whoever asked for it.
pub(super) async fn draw_call(page: &Page, id: &str, screen: &Screen) -> Result<(), Failed> {
    let found = find(page, id).await?;
    let lines = lines(page, found, options(screen, 200)).await?;
    screen.print(&lines).map_err(Failed::other)
}

async fn draw(page: &Page, found: Found, arguments: &Arguments) -> Result<(), Failed> {
    let spans = usize::try_from(arguments.spans).unwrap_or(usize::MAX);
    let lines = lines(page, found, options(&arguments.screen, spans)).await?;
    arguments.screen.print(&lines).map_err(Failed::other)
}

fn options(screen: &Screen, spans: usize) -> Options {
    Options { width: screen.width(), zone: screen.zone.clone(), now_ns: now_ns(), spans, wanted: None }
}

async fn lines(page: &Page, found: Found, options: Options) -> Result<Vec<view_term::paint::Line>, Failed> {
    match found {
        Found::Call { body, wanted } => {
            let found: Interaction = read(&body)?;
            let [path, chain, percentiles] = beside(page, &found.interaction.id).await;
            let beside = Beside {
                path: path.and_then(|body| serde_json::from_slice(&body).ok()),
                chain: chain.and_then(|body| serde_json::from_slice(&body).ok()),
                percentiles: percentiles.and_then(|body| serde_json::from_slice(&body).ok()),
            };
            Ok(call::interaction(&found, &beside, &Options { wanted, ..options }))
        }
        Found::Trace { body, wanted } => {
            let found: Trace = read(&body)?;
            Ok(call::trace(&found, &Options { wanted, ..options }))
        }
    }
}

/// Path, chain and percentiles, each only where it comes soon.
async fn beside(page: &Page, id: &str) -> [Option<Bytes>; 3] {
    let ask = async |what: &str| {
        let path = format!("/api/v1/interactions/{}/{what}", encoded(id));
        tokio::time::timeout(BESIDE, page.get(&path)).await.ok()?.ok()
    };
    let (path, chain, percentiles) = tokio::join!(ask("path"), ask("chain"), ask("percentiles"));
    [path, chain, percentiles]
}

async fn print_json(page: &Page, found: &Found) -> Result<(), Failed> {
    let text = match found {
        Found::Call { body, .. } => {
            let call: Interaction = read(body)?;
            let [path, chain, percentiles] = beside(page, &call.interaction.id).await;
            let raw = |body: &Option<Bytes>| -> Option<Value> { serde_json::from_slice(body.as_ref()?).ok() };
            let told = call::told(&call.spans, call.truncated, now_ns());
            let beside = serde_json::json!({
                "path": raw(&path), "chain": raw(&chain), "percentiles": raw(&percentiles),
            });
            merged(body, &[serde_json::to_value(told), Ok(beside)])?
        }
        Found::Trace { body, .. } => {
            let trace: Trace = read(body)?;
            merged(body, &[serde_json::to_value(call::told(&trace.spans, trace.truncated, now_ns()))])?
        }
    };
    screen::print(text.as_bytes()).map_err(Failed::other)
}

/// The fields of an answer, and more.
fn merged(body: &[u8], more: &[serde_json::Result<Value>]) -> Result<String, Failed> {
    let mut whole: serde_json::Map<String, Value> = read(body)?;
    for fields in more {
        let fields = fields.as_ref().map_err(Failed::other)?;
        whole.extend(fields.as_object().cloned().unwrap_or_default());
    }
    Ok(Value::Object(whole).to_string() + "\n")
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
