//! `throughline demo`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use pipeline::engine::running::Running;
use pipeline::plan::{Component, Plan, Sources, World, findings_as_text, read_file};
use sim::demo::{Callers, Centre, Demo, Progress, Tally, quiet_day};
use sim::genesys::service::Traffic;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::run::Stop;
use super::simulate::speed;
use crate::{components, exit, logs};

const GUIDE: &str = "guide.yaml";
const OVER: &str = "demo.yaml";
/// For so many conversations that begin by themselves one more comes by SIP.
const BY_SIP: f64 = 5.0;
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
    /// Equal seeds make equal conversations; without one, every run has its own.
    #[arg(long)]
    seed: Option<u64>,
    /// How many conversations begin in a minute, on average.
    #[arg(long, default_value_t = 30.0)]
    calls_per_minute: f64,
    /// How many times faster than in life people talk and wait; Data Actions take the time they take.
    #[arg(long, default_value = "10", value_parser = speed)]
    speed: f64,
    /// Ends after so many conversations; without it, with Ctrl-C.
    #[arg(long)]
    calls: Option<u64>,
    /// Where the SIP edge takes calls of the simulated callers, and of whoever else calls.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Sets one key of the configuration, as `run` has it.
    #[arg(long = "set", value_name = "a.b=c")]
    sets: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match demo(arguments) {
        Ok(()) => exit::OK,
        Err(Failed { code, message }) => {
            complain(&message);
            ExitCode::from(code)
        }
    }
}

struct Failed {
    code: u8,
    message: String,
}

fn failed(error: anyhow::Error) -> Failed {
    Failed { code: exit::FAILED, message: format!("error: {error:#}") }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn complain(message: &str) {
    eprintln!("{message}");
}

fn demo(arguments: &Arguments) -> Result<(), Failed> {
    let scratch = tempfile::tempdir().context("no temporary folder").map_err(failed)?;
    let data = arguments.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("no runtime").map_err(failed)?;
    let seed = arguments.seed.unwrap_or_else(from_clock);
    let callers = Callers {
        edge: arguments.sip,
        calls_per_minute: arguments.calls_per_minute / BY_SIP,
        calls: arguments.calls.map(|calls| (calls as f64 / BY_SIP).ceil() as u64),
    };
    let centre = runtime.block_on(Centre::open(seed, callers)).map_err(|error| failed(error.into()))?;
    let plan = plan(arguments, &data, &centre)
        .map_err(|findings| Failed { code: exit::INPUT, message: findings })?;
    logs::start_quietly(&plan.telemetry.logs);
    runtime.block_on(serve(arguments, &plan, centre)).map_err(failed)
}

/// The guide's own configuration, with the embedded store for its backend, on loopback alone, and with the simulated
/// Genesys Cloud beside the services.
fn plan(arguments: &Arguments, data: &Path, centre: &Centre) -> Result<Plan, String> {
    let file = |path: &str| match path {
        GUIDE => Ok(include_str!("../../../../configs/guide.yaml").to_owned()),
        OVER => Ok(include_str!("../../../../configs/demo.yaml").to_owned()),
        path => read_file(path),
    };
    let env = |name: &str| match name {
        "THROUGHLINE_DATA" => Some(data.to_string_lossy().into_owned()),
        "SIP_EDGE" => Some(arguments.sip.to_string()),
        "SIP_TRUNK" => Some(centre.trunk().to_string()),
        "SIP_OUTSIDE" => Some(centre.outside().to_string()),
        "GENESYS_REGION" => Some(centre.base_url()),
        "GENESYS_CLIENT_ID" => Some(centre.client_id().to_owned()),
        "GENESYS_CLIENT_SECRET" => Some(centre.client_secret().to_owned()),
        _ => None,
    };
    let configs = vec![format!("file:{GUIDE}"), format!("file:{OVER}")];
    let sources = Sources { configs, sets: arguments.sets.clone() };
    let (plan, findings) = Plan::read(&sources, World { env: &env, file: &file }, &components::all());
    plan.ok_or_else(|| findings_as_text(&findings))
}

async fn serve(arguments: &Arguments, plan: &Plan, centre: Centre) -> anyhow::Result<()> {
    let demo = Demo {
        node_service: arguments.examples.join("node-service"),
        python_crm: arguments.examples.join("python-crm"),
        otlp: address(&plan.receivers, "otlp", &["protocols", "http", "endpoint"])?,
        database_url: None,
        traffic: Traffic {
            calls_per_minute: arguments.calls_per_minute,
            calls: arguments.calls,
            speed: arguments.speed,
            ..quiet_day()
        },
        kept: arguments.data.is_some(),
    };
    let page = address(&plan.extensions, "view", &["endpoint"])?;
    let mut stop = Stop::listen()?;
    let started = Running::start(plan, &components::context()).await;
    let mut running = started.context("the demonstration takes other addresses by --sip and --set")?;
    let mut printer = Printer::new();
    printer.line(&format!("The page: http://{page}   (Ctrl-C ends everything)"));
    let (tell, told) = oneshot::channel();
    let told = async {
        told.await.ok();
    };
    let ran = async {
        let ran = centre.run(&demo, told, |progress| printer.show(progress)).await;
        running.stop().await;
        ran
    };
    let twice = async {
        stop.asked().await;
        tell.send(()).ok();
        stop.asked().await;
    };
    let tally = tokio::select! {
        ran = ran => ran?,
        () = twice => anyhow::bail!("ended before everything was told"),
    };
    printer.line(&format!("Done: {}", text(&tally)));
    Ok(())
}

/// Where a component of the configuration listens.
fn address(components: &[Component], id: &str, path: &[&str]) -> anyhow::Result<SocketAddr> {
    let section = components.iter().find(|component| component.id == id).map(|component| &component.section);
    let text = section.and_then(|section| section.at(path.iter().copied())?.text());
    let text = text.with_context(|| format!("`{id}` has no address: leave `{}` in", path.join("::")))?;
    text.parse().with_context(|| format!("`{text}` is no address of `{id}`: write one as 127.0.0.1:4318"))
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

    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Starting { service } => self.line(&format!("Starting {service} ...")),
            Progress::Ready { service, address } => self.line(&format!("{service} is ready at {address}")),
            Progress::Calls(tally) => self.calls(&tally),
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
    let Tally { begun, ended, actions, actions_failed } = tally;
    let going = begun - ended;
    let failed = if *actions_failed > 0 { format!(" ({actions_failed} failed)") } else { String::new() };
    format!("{begun} conversations, {going} going on, {actions} Data Actions{failed}")
}
