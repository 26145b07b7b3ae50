//! `throughline sim`.

mod sip;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use pipeline::plan::read_file;
use sim::genesys::scenario::{Scenario, library};
use sim::genesys::serve::{EventBridge, Settings, Simulator};
use sim::genesys::service::{Faults, Options, Tally, Traffic};

use super::run::Stop;
use crate::exit;

const TERMINAL_EVERY: Duration = Duration::from_secs(1);
const PLAIN_EVERY: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Be Genesys Cloud, as far as its clients can tell, with scripted conversations.
    Genesys(Box<Genesys>),
    /// Be callers, and the trunk of a simulated Genesys Cloud that takes their calls.
    Sip(Box<sip::Arguments>),
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline sim genesys --concurrent 200 --speed 10 --fault drop_socket=0.001 --fault duplicate=0.05\n\nFaults can be changed while it runs:\n  curl -d '{\"status_429\": 0.1, \"now\": [\"drop_sockets\"]}' http://127.0.0.1:8300/sim/faults\nShares are from 0 to 1: drop_socket, duplicate, reorder, malformed, huge (with huge_bytes), status_429, status_503, revoke_tokens, evict_channel, refuse_handshakes.\nMilliseconds: delay_ms, slow_ms. At once, in `now`: drop_sockets, close_sockets, revoke_tokens, evict_channels."
)]
struct Genesys {
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8300")]
    listen: SocketAddr,
    /// Equal seeds make equal conversations, at times that do not depend on what clients do.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Conversations that begin in a minute, on average.
    #[arg(long, default_value_t = 12.0)]
    calls_per_minute: f64,
    /// Keeps so many conversations alive, in place of `--calls-per-minute`.
    #[arg(long, default_value_t = 0)]
    concurrent: usize,
    /// No more begin after so many.
    #[arg(long)]
    calls: Option<u64>,
    /// Divides all durations of the scenarios.
    #[arg(long, default_value = "1", value_parser = speed)]
    speed: f64,
    /// How far durations go from those of the scenarios, from one conversation to the next: 0.3 is as in life.
    #[arg(long, default_value_t = 0.0, value_parser = spread)]
    spread: f64,
    /// So much of the day has happened when it starts: what `throughline genesys backfill` can ask for.
    #[arg(long, value_name = "DURATION", value_parser = super::top::duration)]
    past: Option<Duration>,
    /// A file of a scenario; may be repeated. Without one, those that come with the simulator.
    #[arg(long = "scenario", value_name = "FILE")]
    scenarios: Vec<String>,
    /// Plays only the scenario of this name; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Lists the scenarios and ends.
    #[arg(long)]
    list: bool,
    #[arg(long, default_value = "simulated-client")]
    client_id: String,
    /// The secret that clients have to give; it protects nothing.
    #[arg(long, default_value = "simulated-secret")]
    client_secret: String,
    /// Seconds for which a token is good.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    token_validity: u64,
    /// A permission that the client lacks; may be repeated.
    #[arg(long, value_name = "PERMISSION")]
    deny: Vec<String>,
    /// Gives the client a user context, that of this agent.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[arg(long, default_value_t = 300)]
    requests_per_minute: u64,
    /// Queues beside those of the scenarios.
    #[arg(long, default_value_t = 0)]
    extra_queues: usize,
    /// Something that goes wrong from the beginning; may be repeated.
    #[arg(long = "fault", value_name = "NAME=VALUE")]
    faults: Vec<String>,
    /// Posts all detail events to this address, in the envelope of EventBridge.
    #[arg(long, value_name = "URL")]
    event_bridge: Option<String>,
    /// A header of these posts.
    #[arg(long, value_name = "NAME: VALUE", requires = "event_bridge")]
    event_bridge_header: Option<String>,
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 =
        text.trim_end_matches('x').parse().map_err(|_| "write a number, as 10 or 10x".to_owned())?;
    if (0.01..=1000.0).contains(&speed) { Ok(speed) } else { Err("a speed is from 0.01 to 1000".to_owned()) }
}

fn spread(text: &str) -> Result<f64, String> {
    let spread = text.parse().ok().filter(|spread| (0.0..=1.0).contains(spread));
    spread.ok_or_else(|| "a spread is from 0 to 1".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let ran = match &arguments.what {
        What::Genesys(arguments) => genesys(arguments),
        What::Sip(arguments) => sip::run(arguments),
    };
    match ran {
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

fn wrong(message: impl ToString) -> Failed {
    Failed { code: exit::INPUT, message: message.to_string() }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn complain(message: &str) {
    eprintln!("error: {message}");
}

#[expect(clippy::print_stdout, reason = "the answer to a command")]
fn say(line: &str) {
    println!("{line}");
}

fn genesys(arguments: &Genesys) -> Result<(), Failed> {
    let scenarios = scenarios(arguments)?;
    if arguments.list {
        scenarios.iter().for_each(|one| say(&format!("{:<26} {}", one.name, one.about)));
        return Ok(());
    }
    let (options, settings) = (options(arguments, scenarios)?, settings(arguments)?);
    let failed = |error: anyhow::Error| Failed { code: exit::FAILED, message: format!("{error:#}") };
    serve(options, settings).map_err(failed)
}

fn scenarios(arguments: &Genesys) -> Result<Vec<Scenario>, Failed> {
    let mut scenarios = Vec::new();
    for file in &arguments.scenarios {
        let text = read_file(file).map_err(|error| wrong(format!("{file}: {error}")))?;
        scenarios.push(Scenario::parse(file, &text).map_err(wrong)?);
    }
    if scenarios.is_empty() {
        scenarios = library().map_err(wrong)?;
    }
    if let Some(unknown) = arguments.only.iter().find(|name| !scenarios.iter().any(|one| one.name == **name))
    {
        return Err(wrong(format!("there is no scenario `{unknown}`; --list names them")));
    }
    scenarios.retain(|one| arguments.only.is_empty() || arguments.only.contains(&one.name));
    Ok(scenarios)
}

fn options(arguments: &Genesys, scenarios: Vec<Scenario>) -> Result<Options, Failed> {
    let mut faults = Faults::default();
    for fault in &arguments.faults {
        let (name, value) =
            fault.split_once('=').ok_or_else(|| wrong(format!("--fault {fault}: write name=value")))?;
        faults.set(name, value).map_err(|error| wrong(format!("--fault {fault}: {error}")))?;
    }
    let traffic = Traffic {
        calls_per_minute: if arguments.concurrent > 0 { 0.0 } else { arguments.calls_per_minute },
        concurrent: arguments.concurrent,
        calls: arguments.calls,
        speed: arguments.speed,
        spread: arguments.spread,
        ..Traffic::default()
    };
    Ok(Options {
        seed: arguments.seed,
        traffic,
        client_id: arguments.client_id.clone(),
        client_secret: arguments.client_secret.clone(),
        token_validity_s: arguments.token_validity,
        denied: arguments.deny.clone(),
        user: arguments.user.clone(),
        requests_per_minute: arguments.requests_per_minute,
        extra_queues: arguments.extra_queues,
        faults,
        ..Options::quiet(scenarios)
    })
}

fn settings(arguments: &Genesys) -> Result<Settings, Failed> {
    let header = arguments.event_bridge_header.as_deref();
    let bridge = arguments.event_bridge.as_deref().map(|url| EventBridge::parse(url, header)).transpose();
    let event_bridge = bridge.map_err(|error| wrong(format!("--event-bridge: {error}")))?;
    let past = arguments.past.unwrap_or_default();
    Ok(Settings { listen: arguments.listen, past, event_bridge, ..Settings::default() })
}

fn serve(options: Options, settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let login = format!("client id {}, secret {}", options.client_id, options.client_secret);
    let listen = settings.listen;
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let simulator = Simulator::start(options, settings)
            .await
            .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
        say(&format!("Genesys Cloud, simulated: {}   {login}", simulator.base_url()));
        say("Ctrl-C ends it. Its state: /sim/state; what clients sent: /sim/seen; faults: /sim/faults");
        let terminal = std::io::stdout().is_terminal();
        let mut ticks = tokio::time::interval(if terminal { TERMINAL_EVERY } else { PLAIN_EVERY });
        ticks.tick().await;
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(()),
                _ = ticks.tick() => show(terminal, simulator.with(|service| service.tally())),
            }
        }
    })
}

fn show(terminal: bool, tally: Tally) {
    let Tally {
        conversations_begun: begun, conversations_ended: ended, published, delivered, requests, ..
    } = tally;
    print(
        terminal,
        &format!(
            "{begun} conversations begun, {ended} ended, {published} messages published, {delivered} delivered, {requests} requests"
        ),
    );
}

/// One line that is rewritten on a terminal, and one after the other elsewhere.
#[expect(clippy::print_stdout, reason = "the answer to a command")]
fn print(terminal: bool, text: &str) {
    use std::io::Write as _;
    if terminal {
        print!("\r\x1b[2K{text}");
        // A terminal that went away is no reason to stop.
        std::io::stdout().flush().ok();
    } else {
        println!("{text}");
    }
}
