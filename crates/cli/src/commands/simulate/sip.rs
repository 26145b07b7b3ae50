//! `throughline sim sip`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sim::genesys::scenario::demonstration;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};
use sim::sip::centre::{Centre, Tally};
use sim::sip::{Transferee, Transport};

use super::{Failed, PLAIN_EVERY, TERMINAL_EVERY, print, say, speed, wrong};
use crate::commands::run::Stop;
use crate::exit;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline sim sip --edge 127.0.0.1:5060 --trunk 127.0.0.2:5080 --outside 127.0.0.3:5090 --rate 2 --transfers 0.2\n\nThe edge sends what 127.0.0.1 calls to the trunk, and what the trunk calls to the outside. Without --edge, callers call the trunk itself."
)]
pub(super) struct Arguments {
    /// Where the edge takes calls.
    #[arg(long, value_name = "ADDRESS")]
    edge: Option<SocketAddr>,
    #[arg(long, value_enum, default_value = "udp")]
    transport: Way,
    /// Where callers are; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    callers: SocketAddr,
    /// Where the trunk of Genesys Cloud takes calls.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.2:5080")]
    trunk: SocketAddr,
    /// Where those are to whom callers are transferred.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.3:5090")]
    outside: SocketAddr,
    /// Calls a second.
    #[arg(long, default_value_t = 0.5, value_parser = rate)]
    rate: f64,
    /// Ends after so many calls; without it, with Ctrl-C.
    #[arg(long)]
    calls: Option<u64>,
    /// The share of calls that an agent transfers, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    transfers: f64,
    /// What callers put into the call that follows a transfer.
    #[arg(long, value_enum, default_value = "naive")]
    transferee: Kind,
    /// The share of callers that give up before there is an answer.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    gives_up: f64,
    /// Callers begin a trace of their own, and send its `traceparent`.
    #[arg(long)]
    traced: bool,
    /// The trunk sends copies of its messages there, as HEP version 3 over UDP.
    #[arg(long, value_name = "ADDRESS")]
    hep: Option<SocketAddr>,
    /// Divides all durations of the conversations.
    #[arg(long, default_value = "10", value_parser = speed)]
    speed: f64,
    /// Where the simulated Genesys Cloud of the trunk is reached.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8300")]
    genesys: SocketAddr,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Udp,
    Tcp,
    Ws,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Takes the URI as it is, and nothing else.
    Naive,
    /// Copies `Referred-By`.
    ReferredBy,
    /// Copies headers embedded in the URI.
    Embedded,
    /// Sends the trace that it began.
    Aware,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is from 0 to 1, as 0.2".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=10_000.0).contains(rate));
    rate.ok_or_else(|| "calls a second, from 0.001 to 10000".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failed> {
    let failed = |error: anyhow::Error| Failed { code: exit::FAILED, message: format!("{error:#}") };
    let traffic = Traffic { speed: arguments.speed, spread: 0.3, ..Traffic::default() };
    let scenarios = demonstration().map_err(wrong)?;
    let options = Options { seed: arguments.seed, traffic, ..Options::quiet(scenarios) };
    serve(arguments, options).map_err(failed)
}

fn centre(arguments: &Arguments) -> Centre {
    Centre {
        edge: arguments.edge,
        transport: match arguments.transport {
            Way::Udp => Transport::Udp,
            Way::Tcp => Transport::Tcp,
            Way::Ws => Transport::Ws,
        },
        callers: arguments.callers,
        trunk: arguments.trunk,
        outside: arguments.outside,
        rate: arguments.rate,
        calls: arguments.calls,
        transfers: arguments.transfers,
        transferee: match arguments.transferee {
            Kind::Naive => Transferee::Naive,
            Kind::ReferredBy => Transferee::ReferredBy,
            Kind::Embedded => Transferee::Embedded,
            Kind::Aware => Transferee::Aware,
        },
        gives_up: arguments.gives_up,
        traced: arguments.traced,
        hep: arguments.hep,
        seed: arguments.seed,
    }
}

fn serve(arguments: &Arguments, options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let login = format!("client id {}, secret {}", options.client_id, options.client_secret);
    let settings = Settings { listen: arguments.genesys, ..Settings::default() };
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let simulator = Simulator::start(options, settings).await.with_context(|| {
            format!("cannot listen on {}; choose another address with --genesys", arguments.genesys)
        })?;
        let base = simulator.base_url();
        let taken = "cannot take an address; choose others with --callers, --trunk and --outside";
        let open = centre(arguments).open(Arc::new(simulator)).await.context(taken)?;
        let [callers, trunk, outside] = open.addresses();
        say(&format!("Genesys Cloud, simulated: {base}   {login}"));
        say(&format!(
            "Callers {callers}, trunk {trunk}, outside {outside}. Ctrl-C lets nobody call any more."
        ));
        let terminal = std::io::stdout().is_terminal();
        let every = if terminal { TERMINAL_EVERY } else { PLAIN_EVERY };
        let mut told = tokio::time::Instant::now();
        let show = |tally: Tally| {
            if told.elapsed() >= every {
                told = tokio::time::Instant::now();
                print(terminal, &text(&tally));
            }
        };
        let (tell, stopped) = tokio::sync::oneshot::channel::<()>();
        let calls = open.run(
            async {
                stopped.await.ok();
            },
            show,
        );
        let twice = async {
            stop.asked().await;
            tell.send(()).ok();
            stop.asked().await;
        };
        tokio::select! {
            tally = calls => {
                print(terminal, &text(&tally));
                if terminal {
                    say("");
                }
            }
            () = twice => anyhow::bail!("ended before everybody had hung up"),
        }
        Ok(())
    })
}

fn text(tally: &Tally) -> String {
    let Tally { callers, trunk } = tally;
    let failure = callers.last_failure.as_ref().map(|why| format!(" (the last: {why})")).unwrap_or_default();
    format!(
        "{} calls begun, {} ended, {} given up, {} transferred, {} failed{failure}; the trunk: {} calls, {} ended, {} transferred, {} failed",
        callers.begun,
        callers.ended,
        callers.gave_up,
        callers.transferred,
        callers.failed,
        trunk.calls,
        trunk.ended,
        trunk.transferred,
        trunk.failed
    )
}
