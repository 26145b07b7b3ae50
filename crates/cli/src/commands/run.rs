//! `throughline run`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use flow::config::GoDuration;
use pipeline::engine::running::Running;
use pipeline::plan::{Plan, Sources, World, findings_as_text, read_file};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{components, exit, logs, process};

/// The all-in-one: OTLP in, the embedded store and the page behind it.
const BUILT_IN: &str = "built-in default.yaml";

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline run --config guide.yaml --set exporters.otlphttp.endpoint=http://127.0.0.1:4319"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) sources: Configs,
    /// How long a stop may take; what is not delivered then is lost and counted, or stays in the journal.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = drain_timeout)]
    drain_timeout: Duration,
}

/// Where the configuration comes from, for every command that reads one.
#[derive(Args)]
pub(crate) struct Configs {
    /// A file, `env:VARIABLE` or `yaml:a::b: c`; may be given several times, the later wins.
    #[arg(long = "config", value_name = "SOURCE")]
    configs: Vec<String>,
    /// Sets one key, after all configs.
    #[arg(long = "set", value_name = "a.b=c")]
    sets: Vec<String>,
    /// Accepted for compatibility; there are no gates.
    #[arg(long = "feature-gates", value_name = "LIST", hide = true)]
    _feature_gates: Vec<String>,
}

impl Configs {
    /// Whether there is more than the built-in configuration.
    pub(crate) fn given(&self) -> bool {
        !self.configs.is_empty()
    }

    /// The checked plan, or everything that is wrong.
    pub(crate) fn plan(&self) -> (Option<Plan>, Vec<flow::config::Finding>) {
        let mut configs = self.configs.clone();
        if configs.is_empty() {
            configs.push(format!("file:{BUILT_IN}"));
        }
        let file = |path: &str| match path {
            BUILT_IN => Ok(include_str!("../../../../configs/default.yaml").to_owned()),
            path => read_file(path),
        };
        let world = World { file: &file, ..World::process() };
        Plan::read(&Sources { configs, sets: self.sets.clone() }, world, &components::all())
    }
}

fn drain_timeout(text: &str) -> Result<Duration, &'static str> {
    GoDuration::read(text).map(GoDuration::get)
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let ended = runtime().and_then(|runtime| {
        let _runtime = runtime.enter();
        // Before anything that takes time: without a listener a signal ends the process.
        let signals = Signals::listen()?;
        let (plan, findings) = arguments.sources.plan();
        if !findings.is_empty() {
            eprintln!("{}", findings_as_text(&findings));
        }
        let Some(plan) = plan else { return Ok(ExitCode::from(exit::INPUT)) };
        logs::start(&plan.telemetry.logs);
        runtime.spawn(process::give_back_memory());
        runtime.block_on(serve(&plan, arguments, signals)).map(|()| exit::OK)
    });
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(exit::FAILED)
    })
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")
}

async fn serve(plan: &Plan, arguments: &Arguments, signals: Signals) -> anyhow::Result<()> {
    let Signals { mut stop, mut reload } = signals;
    let ctx = components::context();
    let mut running = tokio::select! {
        started = Running::start(plan, &ctx) => started?,
        () = stop.asked() => return Ok(()),
    };
    running.set_drain_timeout(arguments.drain_timeout);
    tracing::info!("everything is ready");
    process::forget_start();
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            _ = reload.recv() => {}
        }
        if go_on(&mut running, &arguments.sources, &mut stop).await? {
            break;
        }
    }
    tracing::info!("stopping; a second signal ends at once");
    tokio::select! {
        lost = running.stop() => {
            anyhow::ensure!(lost == 0, "{lost} items were accepted and not delivered before the end");
            Ok(())
        }
        () = stop.asked() => anyhow::bail!("ended before everything was sent"),
    }
}

/// Reads the configuration again; says whether a stop was asked for meanwhile. What has begun is ended before that, unless
/// the signal comes twice.
async fn go_on(running: &mut Running, sources: &Configs, stop: &mut Stop) -> anyhow::Result<bool> {
    tracing::info!("reading the configuration again");
    let reload = async {
        if let Err(error) = running.reload(sources.plan()).await {
            tracing::error!(%error, "the earlier configuration stays in force");
        }
    };
    tokio::pin!(reload);
    tokio::select! {
        () = &mut reload => return Ok(false),
        () = stop.asked() => {}
    }
    tokio::select! {
        () = &mut reload => Ok(true),
        () = stop.asked() => anyhow::bail!("ended before everything was sent"),
    }
}

/// All that this command listens for.
struct Signals {
    stop: Stop,
    /// SIGHUP; during a reload it is remembered, once.
    reload: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let reload = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        Ok(Self { stop: Stop::listen()?, reload })
    }
}

/// Ctrl-C and SIGTERM, heard from when this is made: make it before saying that anything is ready.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        Ok(Self { interrupt, terminate })
    }

    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
