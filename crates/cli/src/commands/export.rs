//! `throughline export`.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use store_api::Search;
use store_api::sql::{Format, Limits, On};
use store_api::time::parse_rfc3339;

use super::ask::{Asked, Failed, Reach, Source, ended, limits};
use crate::exit;

/// Traces of one interaction that are named one by one, which the index of the store knows.
const NAMED: usize = 1000;
const ROWS: u64 = 100_000_000;
const SECONDS: u64 = 3600;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  throughline export --from 2026-11-20 --to 2026-11-21 -o day.jsonl\n  throughline export --interaction 6c1c2c0a-7d52-4d59-9d0e-1d6f3f0f8f11 --format csv\n  throughline export --q 'queue=billing* hold>30s' --format parquet -o held.parquet\n\notlp-json is a request in each line, as an OTLP endpoint takes it. Spans that are still running are left out.\n\nExit codes: 0 done, 1 what is asked for is wrong, 2 the command line is wrong, 3 nobody could answer, or the answer broke off."
)]
pub(crate) struct Arguments {
    /// Spans, or with --q interactions, that started at this time or later: `2026-01-31` or `2026-01-31T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<u64>,
    /// That started before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<u64>,
    /// All spans of the interactions that this search finds, as the search box of the page would.
    #[arg(long, value_name = "SEARCH")]
    q: Option<String>,
    /// All spans of this interaction.
    #[arg(long, value_name = "ID", conflicts_with = "q")]
    interaction: Option<String>,
    #[arg(long, value_enum, default_value_t = Kind::OtlpJson)]
    format: Kind,
    /// Where to; without it, standard output.
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    reach: Reach,
}

impl Arguments {
    fn limits(&self) -> Limits {
        limits(ROWS, SECONDS, &self.reach)
    }
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Kind {
    OtlpJson,
    Parquet,
    Csv,
}

fn time(text: &str) -> Result<u64, String> {
    let day = || parse_rfc3339(&format!("{text}T00:00:00Z"));
    let found = parse_rfc3339(text).or_else(day);
    found.ok_or_else(|| "write a day (`2026-01-31`) or a moment (`2026-01-31T08:00:00Z`)".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    ended(runtime.map_err(Failed::other).and_then(|runtime| runtime.block_on(export(arguments))))
}

async fn export(arguments: &Arguments) -> Result<(), Failed> {
    if let Some(search) = &arguments.q {
        let wrong = |wrong: store_api::Misread| Failed {
            code: exit::INPUT,
            message: format!("error: --q: {wrong}\nhelp: {}", wrong.help),
        };
        search.parse::<Search>().map_err(wrong)?;
    }
    let asked = arguments.source.open().await?;
    let text = match &arguments.interaction {
        Some(id) => question(arguments, Some(&traces(&asked, arguments.limits(), id).await?)),
        None => question(arguments, None),
    };
    let format = match arguments.format {
        Kind::OtlpJson => Format::OtlpJson,
        Kind::Parquet => Format::Parquet,
        Kind::Csv => Format::Csv,
    };
    let Some(path) = &arguments.output else {
        let give = |bytes: &[u8]| match std::io::stdout().write_all(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        };
        return asked.ask(&text, format, arguments.limits(), On::Either, give).await;
    };
    let failed = |error| Failed::other(format!("cannot write {}: {error}", path.display()));
    let unfinished = unfinished(path);
    let mut file = std::fs::File::create(&unfinished).map_err(failed)?;
    let mut written = 0_u64;
    let give = |bytes: &[u8]| {
        written += bytes.len() as u64;
        progress(written);
        file.write_all(bytes)
    };
    let done = asked.ask(&text, format, arguments.limits(), On::Either, give).await;
    end_progress();
    if done.is_err() {
        // Half an answer is none.
        drop(std::fs::remove_file(&unfinished));
        return done;
    }
    std::fs::rename(&unfinished, path).map_err(failed)
}

/// The whole file appears at once.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// The traces of an interaction, as conditions of SQL name them.
async fn traces(asked: &Asked, limits: Limits, id: &str) -> Result<String, Failed> {
    let of = format!("FROM interactions WHERE interaction_id = {}", quoted(id));
    let mut answer = Vec::new();
    let give = |bytes: &[u8]| answer.write_all(bytes);
    let text = format!("SELECT unnest(trace_ids) {of}");
    asked.ask(&text, Format::Json, limits, On::Either, give).await?;
    let answer: serde_json::Value = serde_json::from_slice(&answer).map_err(Failed::other)?;
    let rows = answer.pointer("/rows").and_then(serde_json::Value::as_array).into_iter().flatten();
    let ids: Vec<String> = rows.filter_map(|row| row.get(0)?.as_str()).map(quoted).collect();
    match ids.len() {
        0 => {
            let message =
                format!("error: no span has the `interaction.id` `{id}`\nhelp: ids are case sensitive");
            Err(Failed { code: exit::INPUT, message })
        }
        1..=NAMED => Ok(ids.join(", ")),
        _ => Ok(text),
    }
}

fn question(arguments: &Arguments, traces: Option<&str>) -> String {
    let bounds = [(">=", arguments.from), ("<", arguments.to)];
    let bounds = bounds.into_iter().filter_map(|(op, at)| Some(format!("start_ns {op} {}", at?)));
    let mut conditions: Vec<String> = bounds.collect();
    if let Some(search) = &arguments.q {
        let within = std::mem::take(&mut conditions);
        let within =
            if within.is_empty() { String::new() } else { format!(" WHERE {}", within.join(" AND ")) };
        let found = format!("SELECT unnest(trace_ids) FROM search({}){within}", quoted(search));
        conditions.push(format!("trace_id IN ({found})"));
    }
    conditions.extend(traces.map(|traces| format!("trace_id IN ({traces})")));
    let conditions =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("SELECT * FROM spans{conditions}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One line that is written over, on a terminal alone.
#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn progress(bytes: u64) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{} KiB", bytes >> 10);
    }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn end_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}
