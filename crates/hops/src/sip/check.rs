//! Sends the probes along a path and keeps what came back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::ClientConfig;
use throughline_sip::{EditError, Message};

use super::Address;
use super::exchange::exchange;
use super::kept::Kept;
use super::link::Link;
use super::request::{self, Origin};
use super::seen::{fields, told};
use crate::check::trials;
use crate::finding::Path;
use crate::outcome::{Answer, Outcome};
use crate::probe::{Mark, Probe, Protocol};

/// How to check.
#[derive(Clone, Debug)]
pub struct Options {
    pub protocols: Vec<Protocol>,
    /// How often each probe is sent.
    pub rounds: u16,
    /// Of one request.
    pub timeout: Duration,
    /// Marks the run; two runs at once do not mix.
    pub run: u64,
    /// The URI that the path leads to the echo; without it the hop's own address.
    pub to: Option<String>,
    /// Who calls, where hops ask for a caller that they know.
    pub from: Option<String>,
    /// Of an echo in the same process: what no answer tells.
    pub kept: Option<Kept>,
    /// Of hops that speak TLS.
    pub tls: Arc<ClientConfig>,
}

impl Options {
    /// `tls` says whose certificates are accepted, and what is shown; see [`trust`](crate::trust).
    pub fn new(run: u64, tls: Arc<ClientConfig>) -> Self {
        Self {
            protocols: Protocol::SIP.to_vec(),
            rounds: 3,
            timeout: Duration::from_secs(5),
            run,
            to: None,
            from: None,
            kept: None,
            tls,
        }
    }
}

/// Sends every probe `options.rounds` times; `progress` hears of every probe before it is sent.
pub async fn check(address: &Address, options: &Options, mut progress: impl FnMut(usize, usize)) -> Path {
    let own = address.to_string();
    let to = options.to.as_deref().unwrap_or(&own);
    let send = async |probe: &Probe, mark: Mark| {
        let request = |origin| request::probe(probe, mark, to, options, origin);
        let answer = match asked(address, options, request).await {
            Ok(answer) => answer,
            Err(why) => return told_otherwise(options, probe, mark).unwrap_or(why),
        };
        let Some(seen) = told(&answer, probe.method, mark) else {
            let foreign = || Outcome::Foreign(of(&answer));
            return told_otherwise(options, probe, mark).unwrap_or_else(foreign);
        };
        Outcome::Echoed(of(&answer), seen)
    };
    let probes = Probe::all(&options.protocols);
    let trials = trials(probes, options.rounds, options.run, send, &mut progress).await;
    // The hop is asked last: whoever bans for odd requests does it then.
    let mark = Mark { run: options.run, probe: 0, round: 0 };
    let itself = asked(address, options, |origin| request::itself(mark, &own, options, origin)).await;
    Path { address: own, trials, itself: itself.ok().as_ref().map(of) }
}

async fn asked(
    address: &Address,
    options: &Options,
    request: impl FnOnce(Origin) -> Result<Bytes, EditError>,
) -> Result<Message<Bytes>, Outcome> {
    let within = options.timeout;
    let unreachable = |error: std::io::Error| Outcome::Unreachable(format!("no connection: {error}"));
    let late = || Outcome::Unreachable(format!("no connection within {within:?}"));
    let opened = tokio::time::timeout(within, Link::open(address, &Arc::clone(&options.tls).into())).await;
    let mut link = opened.map_err(|_| late())?.map_err(unreachable)?;
    let origin = Origin { own: link.own().map_err(unreachable)?, transport: address.transport };
    let request = request(origin).map_err(|error| Outcome::Cut(error.to_string()))?;
    exchange(&mut link, request, origin, within).await.map_err(Outcome::Cut)
}

/// The echo saw it, whatever a hop made of the answer.
fn told_otherwise(options: &Options, probe: &Probe, mark: Mark) -> Option<Outcome> {
    let seen = options.kept.as_ref()?.find(probe.method, mark)?;
    Some(Outcome::Echoed(Answer { native: true, ..Answer::default() }, seen))
}

fn of(answer: &Message<Bytes>) -> Answer {
    let status = answer.status().unwrap_or_default();
    Answer { status, fields: fields(answer), page: String::new(), native: true }
}
