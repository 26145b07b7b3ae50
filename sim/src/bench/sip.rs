//! What a call costs a proxy: SIPp calls SIPp through our edge, and through Kamailio in its cheapest mode.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::cpu::Family;
use super::machine::Machine;
use crate::ports;
use crate::sink::{self, Sink};
use crate::sip::peers::sipp::Answer;
use crate::sip::peers::{Answering, Edge, Kamailio, Part, Protocol, Sipp, Statistics, kamailio::Role};

const CONFIGURATION: &str = include_str!("../../bench/sip.yaml");
const TALKS: Duration = Duration::from_millis(20);
/// A call lives on for so long after its end, until its spans are written.
const SETTLES: Duration = Duration::from_secs(1);
const MIB: f64 = 1024.0 * 1024.0;

/// What is in the path.
#[derive(Clone, Debug)]
pub enum System {
    /// With tracing and export on.
    Throughline(PathBuf),
    /// Stateless, with Record-Route and nothing else.
    Kamailio,
}

/// One system at one rate.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub system: &'static str,
    pub calls_per_second: u64,
    pub statistics: Statistics,
    pub cpu_us_per_call: f64,
    /// When the load ended; of several processes the sum.
    pub rss_mib: f64,
    pub processes: usize,
    /// Spans that came out.
    pub spans: u64,
    /// Which promises were not kept; promises are ours alone.
    pub misses: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Results {
    pub machine: Machine,
    pub figures: Vec<Figures>,
}

impl System {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throughline(_) => "throughline",
            Self::Kamailio => "Kamailio, stateless",
        }
    }
}

/// Starts the system, lets it warm up for a second, and puts it under load.
pub async fn measure(system: &System, rate: u64, seconds: u64) -> Result<Figures> {
    let callee = Answering::start(Answer::Talk, Protocol::Udp).await?;
    let sink = Sink::start(sink::Options::default()).await?;
    // Both live as long as the load lasts.
    let (mut edge, mut peer) = (None, None);
    let (pid, through) = match system {
        System::Throughline(binary) => {
            let own = ports::free()?;
            let environment = [
                ("BENCH_SIP", own.to_string()),
                ("BENCH_CALLEE", callee.address.to_string()),
                ("BENCH_SINK", sink.address().to_string()),
            ];
            let edge = edge.insert(Edge::start(binary, CONFIGURATION, &environment, own).await?);
            (edge.pid(), edge.address)
        }
        System::Kamailio => {
            let peer = peer.insert(Kamailio::start(&Role::Plain).await?);
            (peer.pid(), peer.address)
        }
    };
    let load = |calls| Sipp {
        part: Part::Call,
        protocol: Protocol::Udp,
        through,
        to: callee.address,
        user: "+498955501000".to_owned(),
        calls,
        rate,
        talks: TALKS,
        loss: 0.0,
    };
    load(rate).run().await?;
    let before = Family::of(pid)?;
    let statistics = load(rate * seconds).run().await?;
    let after = Family::of(pid)?;
    let spent = after.cpu.saturating_sub(before.cpu);
    Ok(Figures {
        system: system.name(),
        calls_per_second: rate,
        statistics,
        cpu_us_per_call: spent.as_secs_f64() * 1e6 / statistics.calls.max(1) as f64,
        rss_mib: after.rss_bytes as f64 / MIB,
        processes: after.processes,
        spans: sink.spans(),
        misses: Vec::new(),
    })
}

impl Figures {
    /// Of all runs of a system: the one with the middle CPU, with the most failures and retransmissions of any.
    pub fn of(system: &System, mut runs: Vec<Self>) -> Option<Self> {
        runs.sort_by(|one, other| one.cpu_us_per_call.total_cmp(&other.cpu_us_per_call));
        let failed = runs.iter().map(|run| run.statistics.failed).max()?;
        let retransmissions = runs.iter().map(|run| run.statistics.retransmissions).max()?;
        let place = runs.len() / 2;
        let mut middle = runs.into_iter().nth(place)?;
        middle.statistics = Statistics { failed, retransmissions, ..middle.statistics };
        Some(match system {
            System::Throughline(_) => middle.judged(),
            System::Kamailio => middle,
        })
    }

    fn judged(mut self) -> Self {
        let most_us = match self.calls_per_second {
            1000 => Some(100.0),
            2000 => Some(80.0),
            _ => None,
        };
        if let Some(most) = most_us.filter(|most| self.cpu_us_per_call > *most) {
            self.misses.push(format!("{:.0} us a call, at most {most:.0}", self.cpu_us_per_call));
        }
        let live = self.calls_per_second as f64 * (TALKS + SETTLES).as_secs_f64();
        let most = 32.0 + live * 2.0 / 1024.0;
        if self.rss_mib > most {
            self.misses.push(format!("{:.0} MiB, at most {most:.0}", self.rss_mib));
        }
        let Statistics { failed, retransmissions, .. } = self.statistics;
        if failed > 0 || (self.calls_per_second <= 4000 && retransmissions > 0) {
            self.misses
                .push(format!("{failed} calls failed, {retransmissions} retransmissions; none are allowed"));
        }
        if self.spans == 0 {
            self.misses.push("no spans came out".to_owned());
        }
        self
    }
}

impl Results {
    pub fn markdown(&self) -> String {
        let Machine { processor, cores, kernel, load_average, .. } = &self.machine;
        let mut text = format!("{processor}, {cores} cores, Linux {kernel}, load average {load_average}\n\n");
        text.push_str("| calls/s | system | CPU µs a call | RSS MiB (processes) | calls | failed | retransmissions | spans | verdict |\n");
        text.push_str("|---|---|---|---|---|---|---|---|---|\n");
        for one in &self.figures {
            let Statistics { calls, failed, retransmissions, .. } = one.statistics;
            let promised = one.system != System::Kamailio.name();
            let verdict = match one.misses.as_slice() {
                [] if promised => "pass".to_owned(),
                [] => String::new(),
                misses => misses.join("; "),
            };
            // Writing into a text cannot fail.
            writeln!(
                text,
                "| {} | {} | {:.0} | {:.1} ({}) | {calls} | {failed} | {retransmissions} | {} | {verdict} |",
                one.calls_per_second, one.system, one.cpu_us_per_call, one.rss_mib, one.processes, one.spans
            )
            .ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: u64, us: f64, mib: f64, retransmissions: u64) -> Figures {
        Figures {
            system: "throughline",
            calls_per_second: rate,
            statistics: Statistics {
                calls: 8 * rate,
                succeeded: 8 * rate,
                retransmissions,
                ..Statistics::default()
            },
            cpu_us_per_call: us,
            rss_mib: mib,
            processes: 1,
            spans: 1,
            misses: Vec::new(),
        }
    }

    #[test]
    fn promises_are_judged() {
        for (rate, us, mib, resent, misses) in [
            (1000, 99.0, 30.0, 0, 0),
            (1000, 101.0, 30.0, 0, 1),
            (2000, 81.0, 37.0, 0, 2),
            (4000, 500.0, 30.0, 1, 1),
            (5000, 500.0, 30.0, 1, 0),
        ] {
            assert_eq!(figures(rate, us, mib, resent).judged().misses.len(), misses, "{rate} {us} {mib}");
        }
    }

    #[test]
    fn the_middle_run_counts_and_the_worst_losses() {
        let runs =
            [(30.0, 0), (10.0, 7), (200.0, 0)].map(|(us, resent)| figures(1000, us, 1.0, resent)).to_vec();
        let ours = Figures::of(&System::Throughline(PathBuf::new()), runs.clone()).unwrap();
        assert_eq!((ours.cpu_us_per_call, ours.statistics.retransmissions, ours.misses.len()), (30.0, 7, 1));
        assert!(Figures::of(&System::Kamailio, runs).unwrap().misses.is_empty());
    }
}
