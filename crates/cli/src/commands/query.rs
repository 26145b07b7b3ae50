//! `throughline query`.

mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use store_api::sql::{Format, On};

use super::ask::{Failed, Reach, Source, ended, limits};
use super::screen::print;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  throughline query \"SELECT queue, count(*) AS calls, hist_quantile(latency_hist(duration_ns), 0.95) / 1e9 AS p95 FROM spans WHERE stage = 'queue' GROUP BY queue\"\n  throughline query \"SELECT * FROM interactions WHERE outcome = 'abandoned'\" --format csv\n\nTables: spans, spans_raw, interactions; docs/sql.md has their columns and ten more questions.\n\nExit codes: 0 answered, 1 the question is wrong or hits a limit, 2 the command line is wrong, 3 nobody could answer."
)]
pub(crate) struct Arguments {
    /// One statement that reads; `-` takes it from standard input.
    #[arg(value_name = "SQL")]
    text: String,
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
    #[command(flatten)]
    source: Source,
    /// An answer with more rows is refused.
    #[arg(long, value_name = "ROWS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    max_rows: u64,
    /// A question that takes longer is refused.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    max_seconds: u64,
    #[command(flatten)]
    reach: Reach,
    /// Where it is worked out, if the store has a cluster: here, cluster, or either, by how many spans it may be about.
    #[arg(long, value_name = "WHERE", default_value_t)]
    on: On,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Shown {
    Table,
    Json,
    Csv,
    Arrow,
    Parquet,
    OtlpJson,
}

impl Shown {
    fn format(self) -> Format {
        match self {
            Self::Table | Self::Json => Format::Json,
            Self::Csv => Format::Csv,
            Self::Arrow => Format::Arrow,
            Self::Parquet => Format::Parquet,
            Self::OtlpJson => Format::OtlpJson,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    ended(runtime.map_err(Failed::other).and_then(|runtime| runtime.block_on(answer(arguments))))
}

async fn answer(arguments: &Arguments) -> Result<(), Failed> {
    let text = match arguments.text.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).map_err(Failed::other)?,
        text => text.to_owned(),
    };
    let asked = arguments.source.open().await?;
    let limits = limits(arguments.max_rows, arguments.max_seconds, &arguments.reach);
    let mut whole = Vec::new();
    let to_table = arguments.format == Shown::Table;
    let give = |bytes: &[u8]| if to_table { whole.write_all(bytes) } else { print(bytes) };
    asked.ask(&text, arguments.format.format(), limits, arguments.on, give).await?;
    if to_table {
        let table = table::of(&whole).map_err(Failed::other)?;
        print(table.as_bytes()).map_err(Failed::other)?;
    }
    Ok(())
}
