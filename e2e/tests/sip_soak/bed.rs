//! The product between callers and callees, and what it takes.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use e2e::product::{binary, get};
use e2e::span::taken;
use sim::ports;
use sim::sink::{Options, Sink};
use sim::sip::callee::{Callee, Part, Times};
use sim::sip::peers::Edge;
use sim::sip::{Agent, Dial, Identity, Settings, TRUTH, Transport};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::told::Told;

/// Beyond what ended calls are remembered (34 s) and connections may be silent at their beginning (30 s).
const PATIENCE: Duration = Duration::from_secs(90);
/// Calls by which the product warms up.
pub(crate) const FIRST: u64 = 30;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What the allocator may keep beyond the start, whatever happened: a megabyte at the end of each of its heaps, which the
/// product asks for, and pages of which little is in use. The product gives back what else is free once a minute.
const KEPT: u64 = 12 << 20;

pub(crate) struct Bed {
    edge: Edge,
    sink: Sink,
    metrics: SocketAddr,
    /// UDP and TCP.
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    identity: Identity,
    /// Answers what goes by the table.
    callee: Callee,
    /// Sends callers to the callee.
    transferor: Callee,
    told: Mutex<Told>,
    /// After the first calls.
    at_first: u64,
    _folder: TempDir,
}

/// A size, by the variable of this name.
pub(crate) fn size<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().ok().expect("a size is a number"))
}

impl Bed {
    /// Peers are 127.0.0.1 to 127.0.0.7; other addresses of loopback are strangers. Users `raw...` are at `raw`, a URI;
    /// `carla` sends callers on to the others, of whom `bert` is one.
    pub(crate) async fn start(limits: &str, raw: &str) -> Self {
        let [plain, tls, metrics] = ports::several().unwrap();
        let [callee, transferor] = [open(Settings::default()).await, open(Settings::default()).await];
        let sink = Sink::start(Options::default().keeping()).await.unwrap();
        let (folder, identity) = (tempfile::tempdir().unwrap(), Identity::new().unwrap());
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, &identity.certificate_pem).unwrap();
        std::fs::write(&key, identity.key_pem()).unwrap();
        let environment = [
            ("SIP", plain.to_string()),
            ("SIP_SECURE", tls.to_string()),
            ("SIP_CERTIFICATE", certificate.to_string_lossy().into_owned()),
            ("SIP_KEY", key.to_string_lossy().into_owned()),
            ("SIP_LIMITS", format!("{{{limits}}}")),
            ("SIP_RAW", raw.to_owned()),
            ("SIP_CALLEE", callee.address().to_string()),
            ("SIP_TRANSFEROR", transferor.address().to_string()),
            ("SIP_SINK", sink.address().to_string()),
            ("METRICS_HOST", metrics.ip().to_string()),
            ("METRICS_PORT", metrics.port().to_string()),
        ];
        let configuration = include_str!("edge.yaml");
        let edge = Edge::start(&binary().unwrap(), configuration, &environment, plain).await.unwrap();
        let times = Times { rings: Duration::from_millis(20), talks: Duration::ZERO };
        let transfer = Part::Transfer(format!("sip:bert@{plain}"));
        let callee = Callee::start(callee, Part::Talk, times);
        let transferor = Callee::start(transferor, transfer, times);
        let told = Mutex::default();
        let mut bed = Self {
            edge,
            sink,
            metrics,
            plain,
            tls,
            identity,
            callee,
            transferor,
            told,
            at_first: 0,
            _folder: folder,
        };
        for _ in 0..FIRST / 3 {
            tokio::join!(bed.call(Transport::Udp), bed.call(Transport::Tcp), bed.call(Transport::Tls));
        }
        bed.at_first = bed.memory();
        bed
    }

    /// Somebody who does no harm calls, and is served.
    pub(crate) async fn call(&self, transport: Transport) {
        let to = if transport == Transport::Tls { self.tls } else { self.plain };
        let identity = (transport == Transport::Tls).then(|| self.identity.clone());
        let settings = Settings { transport, outbound: Some(to), identity, ..Settings::default() };
        let agent = open(settings).await;
        let truth = agent.random();
        let traceparent = format!("00-{truth}{}-{}-01", agent.random(), agent.random());
        let headers = vec![(TRUTH.to_owned(), truth), ("traceparent".to_owned(), traceparent)];
        let dial = Dial { from: "anna".to_owned(), to: format!("sip:bert@{to}"), headers, ..Dial::default() };
        let mut call = agent.dial(&dial).await.unwrap_or_else(|failed| self.fail(&failed));
        call.hang_up().await.unwrap_or_else(|failed| self.fail(&failed));
        call.leave();
    }

    fn fail<T>(&self, why: &impl Display) -> T {
        panic!("{why}; the edge said:\n{}", self.edge.said())
    }

    /// Counts what has arrived and what spans have told since the last time.
    pub(crate) fn listen(&self) -> MutexGuard<'_, Told> {
        let mut told = self.told.lock().unwrap();
        told.hear(&self.callee.agent().take_account());
        told.hear(&self.transferor.agent().take_account());
        told.read(&taken(&self.sink));
        told
    }

    /// All that has arrived and that spans have told so far.
    pub(crate) fn told(&self) -> Told {
        self.listen().clone()
    }

    /// The sum of a metric's lines that have these labels.
    pub(crate) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = get(self.metrics, "/metrics").await.unwrap_or_else(|error| self.fail(&error)).body;
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name).map(|rest| rest.strip_prefix("_total").unwrap_or(rest));
            rest.is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|label| line.contains(label.as_str()))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>() as u64
    }

    pub(crate) async fn refused(&self, reason: &str) -> u64 {
        self.metric("throughline_sip_refused", &[("reason", reason)]).await
    }

    pub(crate) async fn unsent(&self, reason: &str) -> u64 {
        self.metric("throughline_sip_unsent", &[("reason", reason)]).await
    }

    pub(crate) async fn calls(&self) -> u64 {
        self.metric("throughline_sip_calls", &[]).await
    }

    pub(crate) async fn event(&self, event: &str) -> u64 {
        self.metric("throughline_sip_call_events", &[("event", event)]).await
    }

    /// Bytes of its own: pages of the binary are the file's, and how many of them are there says nothing.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.edge.pid()));
        let status = status.unwrap_or_else(|error| self.fail(&error));
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        number.unwrap_or_else(|| self.fail(&"it has ended")) << 10
    }

    /// At most so much more than at first.
    pub(crate) fn is_within(&self, more: u64) {
        let (first, now, most) = (self.at_first >> 10, self.memory() >> 10, (more + KEPT) >> 10);
        assert!(now <= first + most, "{now} KiB, and {first} at first: more than {most} beyond it");
    }

    /// Waits until nobody holds a connection; memory is then what it was at first. For where few calls are remembered.
    pub(crate) async fn is_quiet(&self, what: &str) {
        self.until("nobody holds a connection", async || {
            self.metric("throughline_sip_connections", &[]).await == 0
        })
        .await;
        self.gives_back(what).await;
    }

    /// Waits until the tables are empty, which takes more than half a minute; memory is then what it was at first.
    pub(crate) async fn settles(&self, what: &str) {
        for table in ["calls", "connections", "transactions"] {
            self.until(&format!("no {table} are left after {what}"), async || {
                drop(self.listen());
                self.metric(&format!("throughline_sip_{table}"), &[]).await == 0
            })
            .await;
        }
        self.gives_back(what).await;
    }

    #[expect(clippy::print_stdout, reason = "figures of long runs")]
    async fn gives_back(&self, what: &str) {
        let peak = self.memory();
        self.until("memory is given back", async || self.memory() <= self.at_first + KEPT).await;
        let [first, peak, last] = [self.at_first, peak, self.memory()].map(|bytes| bytes >> 10);
        println!("{what}: {first} KiB at first, {peak} when all was over, {last} then");
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so().await {
            if Instant::now() >= end {
                self.fail(&format_args!("never: {what}; {:?}", self.told()))
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

pub(crate) async fn open(settings: Settings) -> Agent {
    Agent::open(settings).await.unwrap()
}
