//! Measures what a collector costs; also sends load and takes it on its own.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use sim::bench::{self, Durations, Figures, Machine, Results, Scenario, System, sip};
use sim::format::Format;
use sim::load::{Bodies, Load, Retry, Target};
use sim::sink::{Options, Sink};

/// The system that copies bytes, and keeps all of them.
const RELAY: &str = "relay";

/// Measure a collector under load, or use the load generator and the sink by themselves.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Example: throughline-bench run --sut target/release/throughline --peer /usr/local/bin/otelcol\n\n\
Exit codes: 0 all limits kept, 1 a limit was missed, 2 the bench itself failed."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(RunArguments),
    Load(LoadArguments),
    Sink(SinkArguments),
    Sip(SipArguments),
    /// Pass bytes from the receivers' addresses to the sink, as a system that does nothing would.
    #[command(hide = true)]
    Relay {
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// Run the scenarios and print what they cost.
#[derive(Args)]
struct RunArguments {
    /// The throughline binary.
    #[arg(long, default_value = "target/release/throughline")]
    sut: PathBuf,
    /// Another collector binary, started with `--config FILE` and measured beside ours; also taken from $PEER.
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Measure a relay that only copies bytes as well: what the sockets alone cost.
    #[arg(long)]
    relay: bool,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',', value_parser = scenario_names())]
    only: Vec<String>,
    /// Seconds of load in each scenario; those that hold spans take longer.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds of load before that, which are not measured.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Runs of each scenario on each system; the one with the middle CPU counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    repeat: u64,
    /// Write the results here as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the table here.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Exit with 0 even if a limit is missed.
    #[arg(long)]
    no_gate: bool,
}

/// Send spans and count what becomes of them.
#[derive(Args)]
struct LoadArguments {
    /// Where to send: the address of an OTLP receiver.
    to: SocketAddr,
    #[arg(long, value_enum, default_value = "protobuf")]
    format: Format,
    #[arg(long)]
    gzip: bool,
    /// Spans in each request.
    #[arg(long, default_value_t = 100)]
    spans: usize,
    /// New interactions that begin when they are sent, in traces of so many spans, for what keeps spans; protobuf alone.
    #[arg(long, value_name = "SPANS", conflicts_with_all = ["format", "gzip"])]
    live: Option<usize>,
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Spans a second; as fast as they are taken if not given.
    #[arg(long)]
    rate: Option<u64>,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// End after this many requests.
    #[arg(long)]
    requests: Option<u64>,
    /// When told to come back later, wait this many milliseconds and send again.
    #[arg(long)]
    retry_ms: Option<u64>,
    /// Wait as long as the answer asks for instead.
    #[arg(long, requires = "retry_ms")]
    honour: bool,
}

/// Put calls of SIPp through our edge and through Kamailio, and print what they cost.
#[derive(Args)]
struct SipArguments {
    /// The throughline binary.
    #[arg(long, default_value = "target/release/throughline")]
    sut: PathBuf,
    /// Calls a second, one run after the other.
    #[arg(long, value_delimiter = ',', default_value = "1000,2000,4000")]
    rates: Vec<u64>,
    /// Seconds of load in each run.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Runs at each rate; the one with the middle CPU counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    repeat: u64,
    /// Leave our edge out: what Kamailio costs on this machine.
    #[arg(long)]
    peer_only: bool,
    /// Write the results here as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Exit with 0 even if a limit is missed.
    #[arg(long)]
    no_gate: bool,
}

/// Take spans and count them until Ctrl-C.
#[derive(Args)]
struct SinkArguments {
    #[arg(long, default_value = "127.0.0.1:14318")]
    listen: SocketAddr,
    /// Where `GET /` answers the counts and `PUT /` takes a behaviour, such as {"items_per_second":1000}.
    #[arg(long)]
    control: Option<SocketAddr>,
    /// Take spans on this HTTP path alone; every other request is answered 404.
    #[arg(long)]
    path: Option<String>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime");
    match runtime.and_then(|runtime| runtime.block_on(dispatch(Arguments::parse().command))) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("throughline-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(arguments) => return run(arguments).await,
        Command::Sip(arguments) => return sip(arguments).await,
        Command::Load(arguments) => load(arguments).await?,
        Command::Sink(arguments) => sink(arguments).await?,
        Command::Relay { config: _ } => bench::relay(|name| std::env::var(name).ok()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn run(arguments: RunArguments) -> Result<ExitCode> {
    let systems = systems(&arguments)?;
    let mut scenarios = bench::all();
    scenarios.retain(|scenario| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == scenario.name)
    });
    let durations = Durations {
        rest: Duration::from_secs(2),
        warm_up: Duration::from_secs(arguments.warm_up),
        load: Duration::from_secs(arguments.seconds),
    };
    let scratch = tempfile::tempdir()?;
    let mut results = Results {
        machine: Machine::this(),
        seconds: arguments.seconds,
        repeat: arguments.repeat,
        figures: Vec::new(),
    };
    for (number, scenario) in scenarios.iter().enumerate() {
        for (index, system) in systems.iter().enumerate() {
            if index > 0 && !scenario.config.common {
                continue;
            }
            let mut scenario = scenario.clone();
            if system.name == RELAY {
                scenario.kept_one_in = 1;
            }
            let scenario = &scenario;
            let mut runs = Vec::new();
            for run in 1..=arguments.repeat {
                let progress = Progress::new(number + 1, scenarios.len(), scenario, system);
                let say = |what: &str| progress.say(&format!("run {run} of {}, {what}", arguments.repeat));
                let figures = bench::measure(system, scenario, durations, scratch.path(), &say).await;
                let context = || format!("{} in scenario {}", system.name, scenario.name);
                runs.push(figures.with_context(context)?);
                progress.done();
            }
            let figures = Figures::middle(runs).context("no runs")?;
            // Limits are promises of ours; the others are measured for comparison.
            let judged = |figures: Figures| figures.judged(scenario.limits, &results.figures);
            let figures = if index == 0 { judged(figures) } else { figures };
            results.figures.push(figures);
        }
    }
    publish(&arguments, &results)?;
    let missed = results.figures.iter().any(|figures| !figures.misses.is_empty());
    Ok(if missed && !arguments.no_gate { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Ours first.
fn systems(arguments: &RunArguments) -> Result<Vec<System>> {
    let mut systems = vec![System::throughline(arguments.sut.clone())];
    let from_environment = || std::env::var_os("PEER").filter(|path| !path.is_empty()).map(PathBuf::from);
    systems.extend(arguments.peer.clone().or_else(from_environment).map(System::peer));
    if arguments.relay {
        systems.push(System {
            name: RELAY.into(),
            binary: std::env::current_exe()?,
            arguments: vec!["relay".into()],
        });
    }
    for system in &systems {
        if !system.binary.is_file() {
            bail!(
                "there is no binary at {}; build it first, or give --sut or --peer",
                system.binary.display()
            );
        }
    }
    Ok(systems)
}

fn publish(arguments: &RunArguments, results: &Results) -> Result<()> {
    let table = bench::markdown(results);
    std::io::stdout().write_all(table.as_bytes())?;
    let write = |path: &Option<PathBuf>, text: &str| match path {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    };
    write(&arguments.markdown, &table)?;
    write(&arguments.json, &format!("{}\n", serde_json::to_string_pretty(results)?))
}

async fn sip(arguments: SipArguments) -> Result<ExitCode> {
    let mut systems = vec![sip::System::Kamailio];
    if !arguments.peer_only {
        systems.insert(0, sip::System::Throughline(arguments.sut.clone()));
    }
    let mut figures = Vec::new();
    for rate in arguments.rates {
        for system in &systems {
            let mut runs = Vec::new();
            for run in 1..=arguments.repeat {
                eprintln!("{}, {rate} calls/s, run {run} of {}", system.name(), arguments.repeat);
                runs.push(sip::measure(system, rate, arguments.seconds).await?);
            }
            figures.push(sip::Figures::of(system, runs).context("no runs")?);
        }
    }
    let results = sip::Results { machine: Machine::this(), figures };
    std::io::stdout().write_all(results.markdown().as_bytes())?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&results)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let missed = results.figures.iter().any(|figures| !figures.misses.is_empty());
    Ok(if missed && !arguments.no_gate { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn load(arguments: LoadArguments) -> Result<()> {
    let LoadArguments { format, gzip, .. } = arguments;
    let load = Load {
        target: Target { address: arguments.to, format, gzip },
        bodies: match arguments.live {
            Some(of_a_trace) => Bodies::live(arguments.spans, of_a_trace),
            None => Bodies::encode(format, gzip, arguments.spans)?,
        },
        connections: arguments.connections,
        spans_per_second: arguments.rate,
        requests: arguments.requests,
        lasting: Duration::from_secs(arguments.seconds),
        answer_within: Duration::from_secs(10),
        retry: arguments
            .retry_ms
            .map(|pause| Retry { pause: Duration::from_millis(pause), honour: arguments.honour }),
    };
    let report = load.run().await;
    let text = serde_json::to_string_pretty(&report.tally)?;
    writeln!(std::io::stdout(), "{text}")?;
    let [half, most] = [0.5, 0.99].map(|share| report.tally.wait_below(share).unwrap_or_default());
    eprintln!(
        "{:.0} spans/s accepted in {:.1} s; answered after {:.1} ms (p50), {:.1} ms (p99)",
        report.accepted_per_second(),
        report.took.as_secs_f64(),
        half.as_secs_f64() * 1e3,
        most.as_secs_f64() * 1e3
    );
    Ok(())
}

async fn sink(arguments: SinkArguments) -> Result<()> {
    let usual = arguments.path.as_deref().map_or_else(Options::default, Options::only);
    let sink = Sink::start(Options { listen: arguments.listen, control: arguments.control, ..usual })
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    eprintln!("taking OTLP on {} (HTTP and gRPC); Ctrl-C ends it", sink.address());
    tokio::signal::ctrl_c().await?;
    let text = serde_json::to_string_pretty(&sink.counts())?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn scenario_names() -> clap::builder::PossibleValuesParser {
    let names: Vec<_> = bench::all()
        .into_iter()
        .map(|scenario| clap::builder::PossibleValue::new(scenario.name).help(scenario.about))
        .collect();
    names.into()
}

/// One line that is rewritten on a terminal, and one line for each scenario elsewhere.
struct Progress {
    title: String,
    rewrite: bool,
}

impl Progress {
    fn new(number: usize, of: usize, scenario: &Scenario, system: &System) -> Self {
        let title = format!("[{number}/{of}] {}, {}", scenario.name, system.name);
        let rewrite = std::io::stderr().is_terminal();
        if !rewrite {
            eprintln!("{title}: {}", scenario.about);
        }
        Self { title, rewrite }
    }

    fn say(&self, what: &str) {
        if self.rewrite {
            eprint!("\r\x1b[K{}: {what}", self.title);
        }
    }

    fn done(&self) {
        if self.rewrite {
            eprint!("\r\x1b[K");
        }
    }
}
