//! `throughline store`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use store_api::StoreError;
use store_lake::tend::{self, Repaired, TableStats, Wrong};

use crate::exit;

#[derive(Args)]
#[command(after_help = "Example:\n  throughline store stats ~/.local/share/throughline")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How large each table is; the store may be in use.
    Stats(Store),
    /// Read all logs and files, and say what is wrong; the store may be in use.
    Check(Store),
    /// Make the store sound: move damaged files aside, make logs and fragments again.
    Repair(Store),
    /// Make all small files of closed hours one.
    Compact(Store),
}

#[derive(Args)]
struct Store {
    /// `directory` of the exporter `lake`.
    directory: PathBuf,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (store, answer) = match &arguments.command {
        Command::Stats(store) => (store, tend::stats(&store.directory).map(|tables| stats(&tables))),
        Command::Check(store) => {
            (store, tend::check(&store.directory).map(|wrong| check(&store.directory, &wrong)))
        }
        Command::Repair(store) => (store, block_on(tend::repair(&store.directory)).map(|done| repair(&done))),
        Command::Compact(store) => {
            (store, block_on(tend::compact(&store.directory)).map(|(before, after)| compact(before, after)))
        }
    };
    match answer {
        Ok(answer) => answer.say(store.json),
        Err(error) => fail(&error),
    }
}

/// What is said, to people and to programs.
struct Answer {
    text: String,
    json: Value,
    code: ExitCode,
}

impl Answer {
    #[expect(clippy::print_stdout, reason = "the answer to a command")]
    fn say(self, json: bool) -> ExitCode {
        if json {
            println!("{}", self.json);
        } else {
            print!("{}", self.text);
        }
        self.code
    }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn fail(error: &StoreError) -> ExitCode {
    eprintln!("throughline: {error}");
    exit::FAILED.into()
}

fn block_on<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.map_err(|source| StoreError::io("start threads for", Path::new("."), source))?;
    runtime.block_on(work)
}

fn stats(tables: &[TableStats]) -> Answer {
    let row = |cells: [&str; 7]| {
        let [table, files, rows, bytes, each, days, version] = cells;
        format!("{table:<13}{files:>7}{rows:>13}{bytes:>11}{each:>8}  {days:<25}{version}\n")
    };
    let mut text = row(["TABLE", "FILES", "ROWS", "BYTES", "B/ROW", "DAYS", "VERSION"]);
    for table in tables {
        let each = table.bytes as f64 / (table.rows.max(1)) as f64;
        let days = match (&table.first_day, &table.last_day) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "-".to_owned(),
        };
        text += &row([
            table.table,
            &table.files.to_string(),
            &table.rows.to_string(),
            &size(table.bytes),
            &format!("{each:.1}"),
            &days,
            &table.version.to_string(),
        ]);
    }
    let bytes: u64 = tables.iter().map(|table| table.bytes).sum();
    let spans: u64 = tables.iter().filter(|table| table.table == "spans").map(|table| table.rows).sum();
    let each = bytes as f64 / spans.max(1) as f64;
    text += &format!("{} in all, {each:.1} bytes for each span\n", size(bytes));
    Answer { text, json: json!({ "tables": tables, "bytes": bytes, "bytes_per_span": each }), code: exit::OK }
}

fn check(directory: &Path, wrong: &[Wrong]) -> Answer {
    let mut text: String = wrong.iter().map(|wrong| format!("{}: {}\n", wrong.file, wrong.why)).collect();
    text += &match wrong.len() {
        0 => "The store is sound.\n".to_owned(),
        count => format!(
            "{count} wrong; stop what uses the store and run: throughline store repair {}\n",
            directory.display()
        ),
    };
    let code = if wrong.is_empty() { exit::OK } else { exit::INPUT.into() };
    Answer { text, json: json!({ "sound": wrong.is_empty(), "wrong": wrong }), code }
}

fn repair(done: &Repaired) -> Answer {
    let mut text = String::new();
    for log in &done.logs {
        text += &format!("made the log of {log} anew\n");
    }
    for Wrong { file, why } in &done.aside {
        text += &format!("moved aside {file}: {why}\n");
    }
    if !done.aside.is_empty() {
        text += &format!("saved {} rows of what was moved aside\n", done.rows_saved);
    }
    if done.fragments > 0 {
        text += &format!("made {} files of interactions again\n", done.fragments);
    }
    text += "The store is sound.\n";
    Answer { text, json: json!(done), code: exit::OK }
}

fn compact(before: usize, after: usize) -> Answer {
    let text = format!("{before} files of spans before, {after} now\n");
    Answer { text, json: json!({ "files_before": before, "files": after }), code: exit::OK }
}

fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in units {
        unit = next;
        if size < 1024.0 {
            break;
        }
        if next != "TiB" {
            size /= 1024.0;
        }
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests;
