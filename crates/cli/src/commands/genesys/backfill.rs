//! `throughline genesys backfill`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use ingest_genesys::genesys_cloud::Target;
use ingest_genesys::genesys_cloud::backfill::{Progress, Wanted, backfill, moment, shown};

use super::client::{Client, Failed, complain};
use crate::commands::run::Stop;
use crate::exit;

/// Conversations in one request, and in one batch of spans.
const PAGE: usize = 100;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline genesys backfill --config configs/genesys.yaml --from 2026-01-01 --to 2026-02-01\n\nA conversation belongs to the time in which it began; one that goes on is left to the receiver. The ids are those of the receiver, so that `lake` sees\nwhat it has already.\n\nExit codes: 0 done, 1 the configuration is wrong, 2 the command line is wrong, 3 it stopped before the end, or spans were rejected."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: Client,
    /// The first moment: `2026-01-31` (UTC) or `2026-01-31T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: u64,
    /// Up to then; not in the future.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: u64,
    /// Where spans are sent, as OTLP over HTTP.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318")]
    otlp: String,
    /// Notes how far it is.
    #[arg(long, value_name = "FILE", default_value = "throughline-backfill.json")]
    state: PathBuf,
}

fn time(text: &str) -> Result<u64, String> {
    moment(text).ok_or_else(|| "write a day (`2026-01-31`) or a moment (`2026-01-31T08:00:00Z`)".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let done = prepared(arguments).and_then(|(target, wanted)| {
        let failed = |error| Failed { code: exit::FAILED, message: format!("error: {error:#}") };
        fill(&target, &wanted).map_err(failed)
    });
    match done {
        Ok(()) => exit::OK,
        Err(Failed { code, message }) => {
            complain(&message);
            ExitCode::from(code)
        }
    }
}

fn prepared(arguments: &Arguments) -> Result<(Target, Wanted), Failed> {
    let usage = |why: &str| Failed { code: exit::USAGE, message: format!("error: {why}") };
    if arguments.from >= arguments.to {
        return Err(usage("--from has to be before --to"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if u128::from(arguments.to) > now.as_millis() {
        return Err(usage("--to is in the future: what is to come is the receiver's affair"));
    }
    let otlp = Wanted::endpoint(&arguments.otlp).map_err(|why| usage(&format!("--otlp: {why}")))?;
    let mut targets = arguments.client.asked()?.targets;
    let (Some((_, target)), true) = (targets.pop(), targets.is_empty()) else {
        return Err(usage(
            "the configuration has several receivers `genesys_cloud`: name one with --region and --client-id",
        ));
    };
    let Arguments { from, to, state, .. } = arguments;
    let wanted = Wanted { from_ms: *from, to_ms: *to, otlp, state: state.clone(), page: PAGE };
    Ok((target, wanted))
}

fn fill(target: &Target, wanted: &Wanted) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        tokio::select! {
            done = backfill(target, wanted, |progress| complain(&line(progress, wanted))) => {
                let done = done.context("started again, it goes on where it stopped")?;
                let Progress { conversations, spans, open, left_out, rejected, why, .. } = done;
                complain(&format!("done: {conversations} conversations, {spans} spans; {open} go on, {left_out} values left out"));
                if rejected > 0 {
                    anyhow::bail!("{rejected} of the spans were rejected by {}: {why}; mend that and start it again, which sends the times again of which spans are missing", wanted.otlp);
                }
                Ok(())
            }
            () = stop.asked() => anyhow::bail!("stopped; started again, it goes on where it was"),
        }
    })
}

fn line(progress: &Progress, wanted: &Wanted) -> String {
    let Progress { day_ms, conversations, spans, rejected, .. } = progress;
    let (rate, left) = progress.pace(wanted);
    let left = left.map_or_else(String::new, |seconds| format!(", about {:.0} min left", seconds / 60.0));
    let rejected = if *rejected > 0 { format!(", {rejected} of them rejected") } else { String::new() };
    format!(
        "up to {}: {conversations} conversations, {spans} spans{rejected}, {rate:.0} conversations/s{left}",
        shown(*day_ms)
    )
}
