//! Callers on one side, the trunk of the simulated Genesys Cloud on the other, and whatever stands between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::callee::{self, Callee, Times};
use super::callers::{self, Plan};
use super::trunk::{self, Running, Trunk};
use super::{Agent, Settings, Transferee, Transport};
use crate::genesys::serve::Simulator;

/// What callers dial, and where agents transfer them to.
pub const DIALLED: &str = "+498955501000";
pub const OUTSIDE: &str = "+4930901820";

/// A telephone network around an edge. Each side has an address of its own, by which an edge can tell them apart.
#[derive(Clone, Debug)]
pub struct Centre {
    /// The edge, or nothing: callers then call the trunk itself.
    pub edge: Option<SocketAddr>,
    pub transport: Transport,
    pub callers: SocketAddr,
    /// Where the trunk takes calls.
    pub trunk: SocketAddr,
    /// Where callers are transferred to.
    pub outside: SocketAddr,
    /// Calls a second.
    pub rate: f64,
    pub calls: Option<u64>,
    /// The share of calls that are transferred.
    pub transfers: f64,
    pub transferee: Transferee,
    /// The share of callers that give up before there is an answer.
    pub gives_up: f64,
    /// Callers begin traces of their own.
    pub traced: bool,
    /// The trunk sends copies of its messages there.
    pub hep: Option<SocketAddr>,
    pub seed: u64,
}

impl Default for Centre {
    fn default() -> Self {
        let at = |host: u8| SocketAddr::from(([127, 0, 0, host], 0));
        Self {
            edge: None,
            transport: Transport::Udp,
            callers: at(1),
            trunk: at(2),
            outside: at(3),
            rate: 0.5,
            calls: None,
            transfers: 0.0,
            transferee: Transferee::Naive,
            gives_up: 0.0,
            traced: false,
            hep: None,
            seed: 1,
        }
    }
}

/// An open one, before its first call.
pub struct Open {
    callers: Arc<Agent>,
    trunk: Running,
    outside: Callee,
    plan: Plan,
}

/// The account so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub callers: callers::Tally,
    pub trunk: trunk::Tally,
}

impl Centre {
    /// Opens the sockets. Conversations are those of `simulator`.
    pub async fn open(self, simulator: Arc<Simulator>) -> anyhow::Result<Open> {
        let settings = |listen| Settings { transport: self.transport, listen, ..Settings::default() };
        let outside = Agent::open(settings(self.outside)).await?;
        let own = Settings { outbound: self.edge, hep: self.hep, ..settings(self.trunk) };
        let own = Agent::open(own).await?;
        // The trunk sends callers to a number at the edge, which knows the way; without one, straight there.
        let beyond = |agent: &Agent, user: &str| match self.edge {
            Some(edge) => format!("sip:{user}@{edge}{}", parameter(self.transport)),
            None => agent.uri(user),
        };
        let trunk = Trunk {
            transfers: self.transfers,
            transfer_to: Some(beyond(&outside, OUTSIDE)),
            seed: self.seed,
            ..Trunk::default()
        };
        let plan = Plan {
            to: beyond(&own, DIALLED),
            rate: self.rate,
            calls: self.calls,
            talks: None,
            gives_up: self.gives_up,
            gives_up_within: trunk.rings,
            transferee: self.transferee,
            traced: self.traced,
            seed: self.seed,
            ..Plan::default()
        };
        let trunk = trunk.start(own, simulator).map_err(anyhow::Error::msg)?;
        let callers = Agent::open(Settings { outbound: self.edge, ..settings(self.callers) }).await?;
        let times = Times { rings: Duration::from_millis(300), talks: Duration::ZERO };
        let outside = Callee::start(outside, callee::Part::Talk, times);
        Ok(Open { callers: Arc::new(callers), trunk, outside, plan })
    }
}

fn parameter(transport: Transport) -> String {
    if transport == Transport::Udp { String::new() } else { format!(";transport={}", transport.name()) }
}

impl Open {
    /// Where callers, trunk and the outside are.
    pub fn addresses(&self) -> [SocketAddr; 3] {
        [self.callers.address(), self.trunk.agent().address(), self.outside.agent().address()]
    }

    /// The trunk, for calls that go out.
    pub fn trunk(&self) -> &Running {
        &self.trunk
    }

    /// The agents that callers are transferred to.
    pub fn outside(&self) -> &Agent {
        self.outside.agent()
    }

    /// Lets people call until all calls are done or until `stop`, and waits for those that are on the phone.
    pub async fn run(&self, stop: impl Future<Output = ()>, mut progress: impl FnMut(Tally)) -> Tally {
        let all = |callers: &callers::Tally| Tally { callers: callers.clone(), trunk: self.trunk.tally() };
        let callers =
            callers::call(self.callers.clone(), self.plan.clone(), stop, |tally| progress(all(tally))).await;
        all(&callers)
    }
}
