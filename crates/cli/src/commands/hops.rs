//! `throughline hops`.

mod sip;

use std::collections::hash_map::RandomState;
use std::fmt::Display;
use std::hash::BuildHasher;
use std::io::{ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use hops::check::{Address, Extra, Options, check};
use hops::echo::{Echo, Limits};
use hops::probe::Protocol;
use hops::report::{Health, Report};
use hops::verdict::Demands;

use super::run::Stop;
use crate::exit;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline hops echo                                       # at the end of the path, in place of the application\n  throughline hops check https://edge.example/ --json         # where a caller would begin"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send marked requests along a path that ends at `hops echo`, and say what became of every header.
    Check(Box<Check>),
    /// The far end of a path: answer every request with what was seen of it.
    Echo(Listen),
}

#[derive(Subcommand)]
enum Other {
    /// The same for SIP: send OPTIONS and INVITE through proxies and SBCs to an echo.
    Sip(sip::Check),
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline hops echo --listen 127.0.0.1:7727          # behind the last hop\n  throughline hops check https://edge.example/ http://10.0.0.5:8080/ http://127.0.0.1:7727/\n  throughline hops check https://edge.example/ --header @token.txt --protocol http1,grpc --json\n\nWith several addresses, the outermost first, each difference is laid to the hop where it begins.\n\nExit codes: 0 nothing breaks tracing, 1 context is lost or altered, 2 the command line is wrong, 3 it could not be checked."
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Check {
    #[command(subcommand)]
    other: Option<Other>,
    /// Where the path begins; then, if they can be reached, the addresses further in.
    #[arg(required = true, value_name = "URL", num_args = 1..=8)]
    addresses: Vec<String>,
    /// What to send, and what the path has to speak; without it everything is sent, and what is not spoken is only said.
    #[arg(long = "protocol", value_name = "PROTOCOL", value_delimiter = ',')]
    protocols: Vec<Spoken>,
    /// How often each probe is sent: what is not always so is marked.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds that one request may take.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Certificates to accept besides the system's, in PEM form.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sent with every request, as `name: value`, or a file of such lines as `@FILE`; never printed.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// Bytes of `tracestate` and `baggage` that have to come through; what is longer is only said.
    #[arg(long, default_value_t = 512, value_name = "BYTES")]
    size: usize,
    /// The hops are to take no part: a span of their own is an error too.
    #[arg(long)]
    transparent: bool,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline hops echo --listen 127.0.0.1:7727\n\nIt answers anyone who reaches it with the headers of his own request, and keeps nothing."
)]
struct Listen {
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7727")]
    listen: SocketAddr,
    /// Answer SIP there, over UDP and TCP, and no HTTP.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "listen")]
    sip: Option<SocketAddr>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    Http1,
    Http2,
    Websocket,
    Grpc,
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.context("no runtime").and_then(|runtime| match &arguments.command {
        Command::Check(arguments) => match (&arguments.other, arguments.read()) {
            (Some(Other::Sip(arguments)), _) => runtime.block_on(sip::examine(arguments)),
            (None, Ok((addresses, options))) => runtime.block_on(examine(arguments, &addresses, &options)),
            (None, Err(error)) => {
                eprintln!("error: {error:#}");
                Ok(ExitCode::from(exit::USAGE))
            }
        },
        Command::Echo(Listen { sip: Some(listen), .. }) => runtime.block_on(sip::echo(*listen)),
        Command::Echo(arguments) => runtime.block_on(echo(arguments)),
    });
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(exit::FAILED)
    })
}

impl Check {
    /// Here and not by the parser of the command line, which prints what it refuses: URLs and headers hold secrets.
    fn read(&self) -> anyhow::Result<(Vec<Address>, Options)> {
        let addresses = self.addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let mut options = Options::new(RandomState::new().hash_one("run"));
        if !self.protocols.is_empty() {
            options.protocols = self.asked();
        }
        options.rounds = self.rounds;
        options.timeout = Duration::from_secs(self.timeout);
        options.trust(self.ca.as_deref())?;
        options.extra = self.extra()?;
        Ok((addresses, options))
    }

    fn extra(&self) -> anyhow::Result<Extra> {
        let mut extra = Extra::default();
        for header in &self.headers {
            let Some(file) = header.strip_prefix('@') else {
                extra.add(header)?;
                continue;
            };
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                extra.add(line).with_context(|| file.to_owned())?;
            }
        }
        Ok(extra)
    }

    fn asked(&self) -> Vec<Protocol> {
        let mut asked: Vec<Protocol> = self.protocols.iter().map(|&spoken| spoken.into()).collect();
        asked.sort();
        asked.dedup();
        asked
    }
}

async fn examine(arguments: &Check, addresses: &[Address], options: &Options) -> anyhow::Result<ExitCode> {
    let mut paths = Vec::new();
    for address in addresses {
        paths.push(check(address, options, |sent, of| progress(address, sent, of)).await);
    }
    end_progress();
    let demands =
        Demands { transparent: arguments.transparent, size: arguments.size, protocols: arguments.asked() };
    say(&Report::of(&paths, &demands), arguments.json)
}

fn say(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    let text = if json { format!("{}\n", report.to_json()) } else { report.to_string() };
    // Whoever reads only the beginning (`| head`) has what he wanted: the exit status stands.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match report.health() {
        Health::Sound => exit::OK,
        Health::Broken => ExitCode::from(exit::INPUT),
        Health::Unchecked => ExitCode::from(exit::FAILED),
    })
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
async fn echo(arguments: &Listen) -> anyhow::Result<ExitCode> {
    let listen = arguments.listen;
    let mut stop = Stop::listen()?;
    let echo = Echo::bind(listen, Limits::default())
        .await
        .with_context(|| format!("cannot listen on {listen}; --listen takes another address"))?;
    eprintln!("echo on http://{}/; Ctrl-C ends it", echo.address()?);
    until_stopped(listen, &mut stop, echo.serve()).await
}

/// An echo serves, and those who start it for all to reach are told.
#[expect(clippy::print_stderr, reason = "the answer to a command")]
async fn until_stopped(
    listen: SocketAddr,
    stop: &mut Stop,
    served: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    if !listen.ip().is_loopback() {
        eprintln!("everyone who reaches {listen} gets an answer");
    }
    tokio::select! {
        () = served => {}
        () = stop.asked() => {}
    }
    Ok(exit::OK)
}

/// One line that is written over, on a terminal alone.
#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn progress(address: &impl Display, sent: usize, of: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{address}: probe {} of {of}", sent + 1);
    }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn end_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

impl From<Spoken> for Protocol {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::Http1 => Self::Http1,
            Spoken::Http2 => Self::Http2,
            Spoken::Websocket => Self::WebSocket,
            Spoken::Grpc => Self::Grpc,
        }
    }
}
