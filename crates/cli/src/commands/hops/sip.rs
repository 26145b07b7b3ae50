//! `throughline hops check sip` and `throughline hops echo --sip`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use hops::echo::Limits;
use hops::probe::Protocol;
use hops::report::Report;
use hops::sip::{Address, Echo, Options, check};
use hops::trust::{self, ClientConfig, Identity, WrongFile};
use hops::verdict::Demands;

use super::{Stop, end_progress, exit, progress, say, until_stopped};

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline hops echo --sip 10.0.0.9:5070                    # where the last hop sends its calls\n  throughline hops check sip sip:10.0.0.5:5060 --to sip:+4930123@10.0.0.5\n  throughline hops check sip 'sip:10.0.0.5:5060;transport=tcp' --echo 10.0.0.9:5070 --json\n  throughline hops check sip sips:sbc.example:5061 --ca ca.pem --to sip:+4930123@sbc.example\n\nThe number or URI of --to has to lead to the echo. With --echo it is the echo's own URI unless --to says otherwise; what a hop takes out of\nanswers is then known all the same.\n\nExit codes: 0 nothing breaks tracing, 1 context is lost or altered, 2 the command line is wrong, 3 it could not be checked."
)]
pub(super) struct Check {
    /// Where the path begins, as sip:host:port, with ;transport=tcp or tls where it is not UDP; then, if they can be reached, the addresses further in.
    #[arg(required = true, value_name = "ADDRESS", num_args = 1..=8)]
    addresses: Vec<Address>,
    /// The request URI, which the hops lead to the echo.
    #[arg(long, value_name = "URI")]
    to: Option<String>,
    /// The caller, where hops ask for one that they know.
    #[arg(long, value_name = "URI")]
    from: Option<String>,
    /// Certificates to accept besides the system's, in PEM form.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Shown to hops that ask for a certificate, in PEM form.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Of `--cert`.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Be the echo as well, at this address.
    #[arg(long, value_name = "ADDRESS")]
    echo: Option<SocketAddr>,
    /// What to send, and what has to arrive; without it both are sent, and what does not arrive is only said.
    #[arg(long = "protocol", value_name = "METHOD", value_delimiter = ',')]
    protocols: Vec<Sent>,
    /// How often each probe is sent: what is not always so is marked.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds that one request may take.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Bytes of `tracestate` with which a context has to come through; what is longer is only said.
    #[arg(long, default_value_t = 256, value_name = "BYTES")]
    size: usize,
    /// The hops are to take no part: a span of their own is an error too.
    #[arg(long)]
    transparent: bool,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Sent {
    Options,
    Invite,
}

pub(super) async fn examine(arguments: &Check) -> anyhow::Result<ExitCode> {
    let tls = match arguments.tls() {
        Ok(tls) => Arc::new(tls),
        Err(error) => return Ok(refused(&error)),
    };
    let mut options = Options::new(RandomState::new().hash_one("run"), tls);
    let asked = arguments.asked();
    if !asked.is_empty() {
        options.protocols.clone_from(&asked);
    }
    options.rounds = arguments.rounds;
    options.timeout = Duration::from_secs(arguments.timeout);
    options.to.clone_from(&arguments.to);
    options.from.clone_from(&arguments.from);
    let echo = match arguments.echo {
        Some(listen) => Some(bind(listen, "--echo").await?),
        None => None,
    };
    if let Some(echo) = &echo {
        options.kept = Some(echo.kept());
        options.to = options.to.or(Some(format!("sip:echo@{}", echo.address()?)));
    }
    let mut paths = Vec::new();
    let work = async {
        for address in &arguments.addresses {
            paths.push(check(address, &options, |sent, of| progress(address, sent, of)).await);
        }
    };
    let echoes = async {
        match echo {
            Some(echo) => echo.serve().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = work => {}
        () = echoes => {}
    }
    end_progress();
    let demands = Demands { transparent: arguments.transparent, size: arguments.size, protocols: asked };
    say(&Report::of(&paths, &demands), arguments.json)
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(super) async fn echo(listen: SocketAddr) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let echo = bind(listen, "--sip").await?;
    eprintln!("echo on sip:{}, UDP and TCP; Ctrl-C ends it", echo.address()?);
    until_stopped(listen, &mut stop, echo.serve()).await
}

async fn bind(listen: SocketAddr, option: &str) -> anyhow::Result<Echo> {
    let bound = Echo::bind(listen, Limits::default()).await;
    bound.with_context(|| format!("cannot listen on {listen}; {option} takes another address"))
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn refused(error: &WrongFile) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(exit::USAGE)
}

impl Check {
    fn tls(&self) -> Result<ClientConfig, WrongFile> {
        let own = self.cert.as_deref().zip(self.key.as_deref());
        let own = own.map(|(certificate, key)| Identity { certificate, key });
        trust::client(trust::roots(self.ca.as_deref())?, own)
    }

    fn asked(&self) -> Vec<Protocol> {
        let has = |sent| self.protocols.contains(&sent);
        let options = has(Sent::Options).then_some(Protocol::Options);
        options.into_iter().chain(has(Sent::Invite).then_some(Protocol::Invite)).collect()
    }
}
