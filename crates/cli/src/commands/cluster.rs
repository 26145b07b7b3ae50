//! `throughline cluster`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flow::config::Opaque;
use store_api::door::Settings;
use store_lake::cluster::{self, Executor, Scheduler};

use super::ask::{Failed, ended};
use super::run::Stop;
use crate::logs;

/// Plans are trees, and are walked down.
const STACK: usize = 32 << 20;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline cluster scheduler &\n  throughline cluster executor --store /var/lib/throughline &\n  throughline query --store /var/lib/throughline --scheduler df://127.0.0.1:50050 \"SELECT stage, count(*) FROM spans GROUP BY stage\"\n\nWho reaches these ports may read the store and use the machines: docs/scaling.md.\n\nExit codes: 0 stopped, 2 the command line is wrong, 3 it could not start or failed."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Cut questions into parts and hand them to executors.
    Scheduler(Schedule),
    /// Work out parts of questions.
    Executor(Execute),
}

#[derive(Args)]
struct Schedule {
    /// Where nodes and executors reach it, and everybody else who can: there are no passwords.
    #[arg(long, value_name = "ADDRESS", default_value_t = local(50050))]
    listen: SocketAddr,
    /// The host by which executors reach it; without it, that of --listen.
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
}

#[derive(Args)]
struct Execute {
    #[arg(long, value_name = "df://HOST:PORT", default_value = "df://127.0.0.1:50050")]
    scheduler: String,
    /// `directory` of the exporter `lake`, as this machine sees it: a local one, or an address as `s3://bucket/prefix`.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// As `storage` of the exporter `lake`: how the bucket is reached, as in `aws_endpoint=http://minio:9000`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    storage: Vec<(String, String)>,
    /// For what stages hand on, and for copies of a bucket's files; without it, one that goes in the end.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Hands out results here, and takes tasks at the port after it, from everybody who reaches them.
    #[arg(long, value_name = "ADDRESS", default_value_t = local(50051))]
    listen: SocketAddr,
    /// The host by which the scheduler and other executors reach it; without it, that of --listen.
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Tasks at once; without it, as many as there are cores.
    #[arg(long, value_name = "TASKS", default_value_t = 0, hide_default_value = true)]
    cores: usize,
    /// Memory of all tasks; what needs more goes through --work.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    memory_mib: u64,
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    logs::start_quietly(&pipeline::plan::Logs::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let done = runtime.map_err(Failed::other).and_then(|runtime| {
        let done = runtime.block_on(serve(arguments.command));
        runtime.shutdown_background();
        done
    });
    ended(done)
}

async fn serve(command: Command) -> Result<(), Failed> {
    let mut stop = Stop::listen().map_err(Failed::other)?;
    match command {
        Command::Scheduler(Schedule { listen, advertise }) => {
            let ready = |address| {
                warn(address);
                tell(&format!("the scheduler is at df://{address}"));
            };
            let serving = cluster::schedule(Scheduler { listen, advertise }, ready);
            tokio::select! {
                done = serving => done.map_err(Failed::other),
                () = stop.asked() => Ok(()),
            }
        }
        Command::Executor(arguments) => execute(arguments).await,
    }
}

/// It hears signals itself, and ends what it is at.
async fn execute(arguments: Execute) -> Result<(), Failed> {
    warn(arguments.listen);
    let own = tempfile::tempdir().map_err(Failed::other)?;
    let work = arguments.work.unwrap_or_else(|| own.path().to_owned());
    let storage = arguments.storage.into_iter().map(|(key, value)| (key, Opaque(value)));
    let store = Settings {
        directory: arguments.store,
        state_directory: Some(work.join("copies")),
        storage: storage.collect(),
        ..Settings::default()
    };
    let settings = Executor {
        scheduler: arguments.scheduler,
        listen: arguments.listen,
        advertise: arguments.advertise,
        store,
        work: work.join("stages"),
        cores: arguments.cores,
        memory: arguments.memory_mib << 20,
    };
    cluster::execute(settings).await.map_err(Failed::other)
}

/// Of a listener that others reach.
fn warn(listen: SocketAddr) {
    if !listen.ip().to_canonical().is_loopback() {
        tell(&format!(
            "warning: whoever reaches {listen} may read the store and use this machine: there are neither passwords nor encryption"
        ));
    }
}

#[expect(clippy::print_stderr, reason = "what a person waits for")]
fn tell(line: &str) {
    eprintln!("{line}");
}
