//! Sends the probes along a path and keeps what came back.

mod address;
mod connect;
mod extra;
mod http1;
mod http2;

pub use address::{Address, WrongAddress};
pub use connect::Options;
pub use extra::{Extra, WrongHeader};

use crate::finding::{Path, Trial};
use crate::outcome::Outcome;
use crate::probe::{About, Mark, Probe, Protocol};
use connect::Connector;

/// Sends every probe `options.rounds` times; `progress` hears of every probe before it is sent.
///
/// The repetitions of one probe follow each other, so that hops which take turns are all met; what was refused is tried
/// once more at the end, so that a restarting hop is not taken for one that refuses.
pub async fn check(address: &Address, options: &Options, mut progress: impl FnMut(usize, usize)) -> Path {
    let connector = Connector::new(address, options);
    let send = async |probe: &Probe, mark| {
        let sent = tokio::time::timeout(options.timeout, async {
            match probe.protocol {
                Protocol::Http2 | Protocol::Grpc => http2::send(&connector, probe, mark).await,
                _ => http1::send(&connector, probe, mark).await,
            }
        });
        let late = || Outcome::Cut(format!("no whole answer within {:?}", options.timeout));
        let mut outcome = sent.await.unwrap_or_else(|_| late());
        options.extra.take_from(&mut outcome);
        outcome
    };
    let probes = Probe::all(&options.protocols);
    let trials = trials(probes, options.rounds, options.run, send, &mut progress).await;
    Path { address: address.to_string(), trials, itself: None }
}

/// What became of every probe, whatever sends it.
pub(crate) async fn trials(
    probes: Vec<Probe>,
    rounds: u16,
    run: u64,
    send: impl AsyncFn(&Probe, Mark) -> Outcome,
    progress: &mut impl FnMut(usize, usize),
) -> Vec<Trial> {
    let once = async |trial: &mut Trial| {
        let round = u16::try_from(trial.outcomes.len()).unwrap_or(u16::MAX);
        let mark = Mark { run, probe: trial.probe.number, round };
        let outcome = send(&trial.probe, mark).await;
        trial.outcomes.push((mark, outcome));
    };
    let total = probes.len();
    let mut trials: Vec<Trial> = Vec::new();
    let mut silent: Vec<Protocol> = Vec::new();
    for (sent, probe) in probes.into_iter().enumerate() {
        progress(sent, total);
        let mut trial = Trial { probe, outcomes: Vec::new() };
        if !silent.contains(&trial.probe.protocol) {
            for _ in 0..rounds {
                once(&mut trial).await;
            }
            if trial.probe.about == About::Bare && trial.outcomes.iter().all(|(_, o)| o.seen().is_none()) {
                silent.push(trial.probe.protocol);
            }
        }
        trials.push(trial);
    }
    for trial in &mut trials {
        if trial.outcomes.iter().any(|(_, outcome)| outcome.seen().is_none()) {
            once(trial).await;
        }
    }
    trials
}
