//! The whole demonstration: a simulated Genesys Cloud whose Data Actions call the example services, which are child
//! processes.
//!
//! The services end with this process, however it ends: they stop when their standard input closes.

mod actions;
mod service;
mod error;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{Notify, mpsc};
use tokio::time::{interval, sleep, timeout};

use crate::genesys::scenario::demonstration;
use crate::genesys::serve::{Settings, Simulator};
use crate::genesys::service::{ActionCall, Options, Service as Simulated, Traffic};
use crate::sip::centre::{Centre as Telephones, Open};

pub use error::Error;

use actions::Actions;
use service::Service;

const CLIENT: &str = "demonstration";
/// Data Actions that wait to be called.
const WAITING: usize = 256;
/// How long conversations that are cut off may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the connector may take to ask analytics for what it was not told.
const LAST_QUESTION: Duration = Duration::from_secs(3);
/// How long callers may take to hang up once their conversations are cut off.
const LAST_CALL: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Where things are, and what kind of day it is.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The folder `examples/node-service`, with its packages installed.
    pub node_service: PathBuf,
    /// The folder `examples/python-crm`, with its environment installed.
    pub python_crm: PathBuf,
    /// Where the services send OTLP over HTTP.
    pub otlp: SocketAddr,
    /// A PostgreSQL for the CRM; it brings its own SQLite if there is none.
    pub database_url: Option<String>,
    pub traffic: Traffic,
    /// The spans outlive the demonstration: the connector gets time for its last question.
    pub kept: bool,
}

/// A quiet day, ten times as fast as a real one: there are whole calls to look at after some seconds.
pub fn quiet_day() -> Traffic {
    Traffic { calls_per_minute: 30.0, at_first: 5, speed: 10.0, spread: 0.3, ..Traffic::default() }
}

/// What the demonstration is doing.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    Starting {
        service: &'static str,
    },
    Ready {
        service: &'static str,
        address: SocketAddr,
    },
    /// Once a second.
    Calls(Tally),
    Stopping,
}

/// The account so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub begun: u64,
    pub ended: u64,
    pub actions: u64,
    /// The service refused, failed, or did not answer in time.
    pub actions_failed: u64,
}

/// Callers who come by SIP, beside the conversations that begin by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Callers {
    /// The edge that they call.
    pub edge: SocketAddr,
    pub calls_per_minute: f64,
    /// Nobody calls after so many.
    pub calls: Option<u64>,
}

impl Callers {
    /// Nobody calls.
    pub fn nobody() -> Self {
        Self { edge: SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)), calls_per_minute: 1.0, calls: Some(0) }
    }
}

/// The share of callers that an agent transfers; the first one is.
const TRANSFERRED: f64 = 0.25;

/// A contact centre before its first call: the simulated Genesys Cloud, its trunk, and callers who reach it through a SIP
/// edge, on free ports of this machine.
pub struct Centre {
    simulator: Arc<Simulator>,
    telephones: Open,
    actions: mpsc::Receiver<ActionCall>,
    secret: String,
}

impl Centre {
    /// The same seed gives the same conversations with the same ids: use a fresh one where a store keeps those of the
    /// last run.
    pub async fn open(seed: u64, callers: Callers) -> Result<Self, Error> {
        let secret = unguessable();
        let options = Options {
            seed,
            client_id: CLIENT.to_owned(),
            client_secret: secret.clone(),
            ..Options::quiet(demonstration()?)
        };
        let simulator = Simulator::start(options, Settings::default()).await.map_err(Error::NoSimulator)?;
        let simulator = Arc::new(simulator);
        let (told, actions) = mpsc::channel(WAITING);
        simulator.with(|service| service.data_actions_to(told));
        let telephones = Telephones {
            edge: Some(callers.edge),
            rate: callers.calls_per_minute / 60.0,
            calls: callers.calls,
            transfers: TRANSFERRED,
            seed,
            ..Telephones::default()
        };
        let telephones = telephones.open(Arc::clone(&simulator)).await.map_err(Error::NoTelephones)?;
        Ok(Self { simulator, telephones, actions, secret })
    }

    /// What a client takes for the address of the region's API.
    pub fn base_url(&self) -> String {
        self.simulator.base_url()
    }

    /// Where the trunk takes calls.
    pub fn trunk(&self) -> SocketAddr {
        let [_, trunk, _] = self.telephones.addresses();
        trunk
    }

    /// Where those are to whom callers are transferred.
    pub fn outside(&self) -> SocketAddr {
        let [_, _, outside] = self.telephones.addresses();
        outside
    }

    pub fn client_id(&self) -> &str {
        CLIENT
    }

    pub fn client_secret(&self) -> &str {
        &self.secret
    }

    /// Starts the services, lets calls in until all have ended or until `stop`, and ends the services.
    pub async fn run(
        self,
        demo: &Demo,
        stop: impl Future<Output = ()>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Tally, Error> {
        // The CRM's database goes with it even if the CRM has to be killed.
        let scratch = tempfile::tempdir().map_err(Error::NoScratch)?;
        let mut stop = pin!(stop);
        let (mut crm, mut middleware) = tokio::select! {
            started = start(demo, scratch.path(), &mut progress) => started?,
            () = &mut stop => return Ok(Tally::default()),
        };
        let mut actions = Actions::of(self.actions, middleware.address);
        self.simulator.with(|service| service.let_in(demo.traffic));
        let mut ticks = interval(TELL_EVERY);
        let hang_up = Notify::new();
        let mut telephones = pin!(self.telephones.run(hang_up.notified(), |_| {}));
        let mut on_the_phone = true;
        let died = loop {
            tokio::select! {
                () = &mut stop => break None,
                error = crm.ended() => break Some(error),
                error = middleware.ended() => break Some(error),
                answered = actions.next() => answered.tell(&self.simulator),
                _ = &mut telephones, if on_the_phone => on_the_phone = false,
                _ = ticks.tick() => {
                    let tally = tally(&self.simulator, &actions);
                    progress(Progress::Calls(tally));
                    let begun = demo.traffic.calls.is_some_and(|calls| tally.begun >= calls);
                    if begun && !on_the_phone && self.simulator.with(|service| service.live()) == 0 {
                        break None;
                    }
                }
            }
        };
        progress(Progress::Stopping);
        self.simulator.with(Simulated::close);
        hang_up.notify_one();
        if on_the_phone {
            timeout(LAST_CALL, telephones).await.ok();
        }
        actions.finish().await;
        tell_the_rest(&self.simulator, demo.kept).await;
        // The caller before the called, so that the last requests are answered.
        middleware.stop().await;
        crm.stop().await;
        died.map_or(Ok(tally(&self.simulator, &actions)), Err)
    }
}

fn tally(simulator: &Simulator, actions: &Actions) -> Tally {
    let service = simulator.with(|service| service.tally());
    Tally {
        begun: service.conversations_begun,
        ended: service.conversations_ended,
        actions: actions.called,
        actions_failed: actions.failed,
    }
}

/// Waits until all has been told of the conversations that were cut off.
async fn tell_the_rest(simulator: &Simulator, kept: bool) {
    let told = async {
        let mut looks = interval(LOOK_EVERY);
        while simulator.with(|service| service.live()) > 0 {
            looks.tick().await;
        }
    };
    timeout(LAST_WORDS, told).await.ok();
    if kept {
        sleep(LAST_QUESTION).await;
    }
}

/// A secret that nobody has to know but the connector of this process.
fn unguessable() -> String {
    // The standard library seeds these from the system's own source of chance.
    (0..2).map(|number| format!("{:016x}", RandomState::new().hash_one(number))).collect()
}

async fn start(
    demo: &Demo,
    scratch: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(Service, Service), Error> {
    let python = demo.python_crm.join(".venv/bin/python");
    for (folder, part) in
        [(&demo.python_crm, ".venv/.installed"), (&demo.node_service, "node_modules/.installed")]
    {
        if !folder.join(part).exists() {
            return Err(Error::NotInstalled { folder: folder.clone() });
        }
    }
    let mut crm = Command::new(std::path::absolute(&python).unwrap_or(python));
    crm.arg("app.py").current_dir(&demo.python_crm);
    prepare(&mut crm, demo.otlp);
    crm.env("TMPDIR", scratch);
    if let Some(url) = &demo.database_url {
        crm.env("DATABASE_URL", url);
    }
    let crm = ready("crm", crm, progress).await?;

    let mut middleware = Command::new("node");
    middleware.args(["--import", "./tracing.mjs", "server.mjs"]).current_dir(&demo.node_service);
    prepare(&mut middleware, demo.otlp);
    middleware.env("CRM_URL", format!("http://{}", crm.address));
    let middleware = ready("contact-center-backend", middleware, progress).await?;
    Ok((crm, middleware))
}

async fn ready(
    name: &'static str,
    command: Command,
    progress: &mut impl FnMut(Progress),
) -> Result<Service, Error> {
    progress(Progress::Starting { service: name });
    let service = Service::start(name, command).await?;
    progress(Progress::Ready { service: name, address: service.address });
    Ok(service)
}

/// An environment in which only the demonstration decides where spans and rows go.
fn prepare(command: &mut Command, otlp: SocketAddr) {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    let loopback = Ipv4Addr::LOCALHOST.to_string();
    command
        .env_remove("DATABASE_URL")
        .env("NO_PROXY", &loopback)
        .env("no_proxy", &loopback)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{otlp}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "500")
        .env("HOST", &loopback)
        .env("PORT", "0")
        .env("STOP_WITH_STDIN", "1");
}
