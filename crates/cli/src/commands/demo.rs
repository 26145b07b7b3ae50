//! `throughline demo`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use pipeline::engine::running::Running;
use pipeline::plan::{Plan, Sources, World, findings_as_text, read_file};
use sim::demo::{Demo, Progress};
use sim::traffic::{Day, Tally};
use tokio::time::Instant;

use super::run::Stop;
use crate::{components, exit, logs};

const GUIDE: &str = "guide.yaml";
const OVER: &str = "demo.yaml";
const PAGE: &str = "http://127.0.0.1:7717";
const OTLP: &str = "127.0.0.1:4318";
/// Between two plain lines where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline demo --calls-per-minute 60\n\nThe example services' packages have to be installed first: `make demo` does it."
)]
pub(crate) struct Arguments {
    /// The folder with `node-service` and `python-crm`.
    #[arg(long, value_name = "FOLDER", default_value = "examples")]
    examples: PathBuf,
    /// Where the spans are kept; without it, a folder that goes with the demonstration.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Equal seeds make equal calls; without one, every run has calls of its own.
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, default_value_t = 30.0)]
    calls_per_minute: f64,
    /// Ends after so many calls; without it, with Ctrl-C.
    #[arg(long)]
    calls: Option<u64>,
    /// Sets one key of the configuration, as `run` has it.
    #[arg(long = "set", value_name = "a.b=c")]
    sets: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => {
            eprintln!("error: no temporary folder: {error}");
            return ExitCode::from(exit::FAILED);
        }
    };
    let data = arguments.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    let plan = match plan(arguments, &data) {
        Ok(plan) => plan,
        Err(findings) => {
            eprintln!("{findings}");
            return ExitCode::from(exit::INPUT);
        }
    };
    logs::start_quietly(&plan.telemetry.logs);
    match serve(arguments, &plan) {
        Ok(()) => exit::OK,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

/// The guide's own configuration, with the embedded store for its backend and on loopback alone.
fn plan(arguments: &Arguments, data: &std::path::Path) -> Result<Plan, String> {
    let file = |path: &str| match path {
        GUIDE => Ok(include_str!("../../../../configs/guide.yaml").to_owned()),
        OVER => Ok(include_str!("../../../../configs/demo.yaml").to_owned()),
        path => read_file(path),
    };
    let env = |name: &str| match name {
        "THROUGHLINE_DATA" => Some(data.to_string_lossy().into_owned()),
        _ => None,
    };
    let configs = vec![format!("file:{GUIDE}"), format!("file:{OVER}")];
    let sources = Sources { configs, sets: arguments.sets.clone() };
    let (plan, findings) = Plan::read(&sources, World { env: &env, file: &file }, &components::all());
    plan.ok_or_else(|| findings_as_text(&findings))
}

fn serve(arguments: &Arguments, plan: &Plan) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let demo = Demo {
        node_service: arguments.examples.join("node-service"),
        python_crm: arguments.examples.join("python-crm"),
        otlp: OTLP.parse().context("the receiver's address")?,
        database_url: None,
        day: Day {
            calls_per_minute: arguments.calls_per_minute,
            calls: arguments.calls,
            ..Day::quiet(arguments.seed.unwrap_or_else(from_clock))
        },
    };
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let mut running = Running::start(plan, &components::context()).await?;
        let mut printer = Printer::new();
        printer.line(&format!("The page: {PAGE}   (Ctrl-C ends everything)"));
        let ran = sim::demo::run(&demo, stop.asked(), |progress| printer.show(progress)).await;
        running.stop().await;
        let tally = ran?;
        printer.line(&format!("Done: {}", text(&tally)));
        Ok(())
    })
}

fn from_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| since.as_secs())
}

/// One line that is written over on a terminal, plain lines now and then elsewhere.
struct Printer {
    terminal: bool,
    last: Option<Instant>,
}

impl Printer {
    fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), last: None }
    }

    fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Starting { service } => self.line(&format!("Starting {service} ...")),
            Progress::Ready { service, address } => self.line(&format!("{service} is ready at {address}")),
            Progress::Calls(tally) => self.calls(tally),
            Progress::Stopping => self.line("Stopping ..."),
        }
    }

    #[expect(clippy::print_stdout, reason = "the answer to a command")]
    fn line(&self, text: &str) {
        println!("{}{text}", if self.terminal { "\r\x1b[2K" } else { "" });
    }

    #[expect(clippy::print_stdout, reason = "the answer to a command")]
    fn calls(&mut self, tally: &Tally) {
        if self.terminal {
            use std::io::Write;
            print!("\r\x1b[2K{}", text(tally));
            drop(std::io::stdout().flush());
        } else if self.last.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) {
            self.last = Some(Instant::now());
            println!("{}", text(tally));
        }
    }
}

fn text(tally: &Tally) -> String {
    let Tally { calls_started, calls_ended, actions, spans_accepted, spans_refused, spans_lost, .. } = tally;
    let going = calls_started - calls_ended;
    let mut text = format!(
        "{calls_started} calls, {going} going on, {actions} Data Actions, {spans_accepted} voice spans sent"
    );
    if spans_refused + spans_lost > 0 {
        text.push_str(&format!(", {spans_refused} refused, {spans_lost} lost"));
    }
    if let Some(trouble) = &tally.trouble {
        text.push_str(&format!(" ({trouble})"));
    }
    text
}
