//! The binary in the path of calls, with everybody around it.

mod traces;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use sim::ports;
use sim::sink::{Options, Sink};
use sim::sip::callee::{self, Callee, Times};
use sim::sip::callers::{self, Plan};
use sim::sip::peers::kamailio::Role;
use sim::sip::peers::{Edge, Kamailio};
use sim::sip::{Agent, Identity, Settings, Transport};
use tempfile::TempDir;

use crate::product::binary;
use crate::span::Span;
pub use traces::Outcome;

/// Numbers by which the edge knows where a call goes.
pub const SECOND: &str = "+498912345";
pub const THIRD: &str = "+4930901820";

/// Where a hop stands that takes the trace context away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strips {
    #[default]
    Nowhere,
    /// Between the caller and the edge.
    Before,
    /// Between the edge and those who are called.
    Behind,
}

/// What whoever is called first does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Does {
    #[default]
    Talk,
    Hold,
    Transfer,
    Attended,
    Redirect,
}

/// Calls, and the way that they take.
#[derive(Clone, Debug)]
pub struct Scene {
    pub does: Does,
    pub strips: Strips,
    /// Kamailio stands behind the edge, and the binary hears copies of all messages that it passes on.
    pub heard: bool,
    /// What the edge puts into Refer-To: `token`, `headers` or `nothing`.
    pub refer_to: &'static str,
    /// Between callers and the edge.
    pub outside: Transport,
    /// Between the edge and those who are called.
    pub inside: Transport,
    /// The share of datagrams that each agent loses.
    pub loss: f64,
    pub times: Times,
    /// Of the callers; whom they call is filled in.
    pub plan: Plan,
}

impl Default for Scene {
    fn default() -> Self {
        let times = Times { rings: Duration::from_millis(10), talks: Duration::from_millis(50) };
        let talks = Some(Duration::from_millis(300));
        let plan = Plan { calls: Some(20), rate: 100.0, talks, traced: true, ..Plan::default() };
        let (outside, inside) = (Transport::Udp, Transport::Udp);
        Self {
            does: Does::Talk,
            strips: Strips::Nowhere,
            heard: false,
            refer_to: "token",
            outside,
            inside,
            loss: 0.0,
            times,
            plan,
        }
    }
}

/// A running binary with a receiver `sip`, and a sink for its spans.
pub struct Proxy {
    pub edge: Edge,
    pub sink: Sink,
    /// Where it takes TLS.
    pub secure: SocketAddr,
    _folder: TempDir,
}

/// Where a proxy is, before it runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub plain: SocketAddr,
    pub secure: SocketAddr,
    /// Where it takes copies of messages.
    pub hep: SocketAddr,
    /// After which silence a call is given up.
    pub longest_call: &'static str,
}

impl Place {
    pub fn free() -> Result<Self> {
        let [plain, secure, hep] = ports::several()?;
        Ok(Self { plain, secure, hep, longest_call: "4h" })
    }

    /// Starts the binary here; calls go to these two by their number.
    pub async fn start(self, refer_to: &str, targets: [&str; 2], identity: &Identity) -> Result<Proxy> {
        let sink = Sink::start(Options::default().keeping()).await?;
        let folder = tempfile::tempdir()?;
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate, &identity.certificate_pem)?;
        std::fs::write(&key, identity.key_pem())?;
        let [second, third] = targets;
        let environment = [
            ("SIP", self.plain.to_string()),
            ("SIP_SECURE", self.secure.to_string()),
            ("SIP_HEP", self.hep.to_string()),
            ("SIP_CERTIFICATE", certificate.to_string_lossy().into_owned()),
            ("SIP_KEY", key.to_string_lossy().into_owned()),
            ("SIP_REFER_TO", refer_to.to_owned()),
            ("SIP_LONGEST_CALL", self.longest_call.to_owned()),
            ("SIP_SECOND", second.to_owned()),
            ("SIP_THIRD", third.to_owned()),
            ("SIP_SINK", sink.address().to_string()),
        ];
        let configuration = include_str!("sip/edge.yaml");
        let edge = Edge::start(&binary()?, configuration, &environment, self.plain).await?;
        Ok(Proxy { edge, sink, secure: self.secure, _folder: folder })
    }
}

impl Proxy {
    /// Waits until spans tell of so many calls.
    pub async fn calls(&self, calls: usize) -> Result<Vec<Span>> {
        traces::until(&self.sink, |told| calls.saturating_sub(told.len())).await
    }
}

impl Scene {
    /// Plays all calls to their end, and waits for their spans.
    pub async fn play(self) -> Result<Outcome> {
        let identity = Identity::new()?;
        let place = Place::free()?;
        let role = match self.strips {
            Strips::Nowhere => self.heard.then_some(Role::Copies(place.hep)),
            Strips::Before | Strips::Behind => Some(Role::Strips),
        };
        let hop = match role {
            Some(role) => Some(Kamailio::start(&role).await?),
            None => None,
        };
        let of = |transport| if transport == Transport::Tls { place.secure } else { place.plain };
        let before = hop.as_ref().filter(|_| self.strips == Strips::Before).map(|hop| hop.address);
        let settings = |transport, outbound| Settings {
            transport,
            outbound: Some(outbound),
            identity: Some(identity.clone()),
            loss: self.loss,
            // What gets lost takes less time so.
            resend_after: Duration::from_millis(if self.loss > 0.0 { 200 } else { 500 }),
            ..Settings::default()
        };
        let inside = settings(self.inside, of(self.inside));
        let (third, second) = (Agent::open(inside.clone()).await?, Agent::open(inside).await?);
        let caller = settings(self.outside, before.unwrap_or(of(self.outside)));
        let caller = Arc::new(Agent::open(caller).await?);
        // A hop before the edge goes by the host of the URI, and one behind it too.
        let uri = |agent: &Agent, number| match before {
            Some(_) => format!("sip:{number}@{}", place.plain),
            None => agent.uri(number),
        };
        let (to, on) = (uri(&second, SECOND), uri(&third, THIRD));
        let behind = hop.as_ref().filter(|_| self.strips != Strips::Before);
        let behind = behind.map(|hop| format!("sip:{}", hop.address));
        let target = |agent: &Agent| behind.clone().unwrap_or_else(|| agent.uri(""));
        let targets = [target(&second), target(&third)];
        let proxy = place.start(self.refer_to, [&targets[0], &targets[1]], &identity).await?;
        let part = match self.does {
            Does::Talk => callee::Part::Talk,
            Does::Hold => callee::Part::Hold,
            Does::Transfer => callee::Part::Transfer(on),
            Does::Attended => callee::Part::Attended(on),
            Does::Redirect => callee::Part::Redirect(on),
        };
        let third = Callee::start(third, callee::Part::Talk, self.times);
        let second = Callee::start(second, part, self.times);
        let plan = Plan { to, ..self.plan };
        let tally = callers::call(caller.clone(), plan, std::future::pending(), |_| {}).await;
        let accounts = [second.agent().account(), third.agent().account()];
        let outcome = Outcome::of(tally, caller.resent(), accounts, &proxy.sink, self.heard).await;
        outcome.with_context(|| format!("the edge said:\n{}", proxy.edge.said()))
    }
}
