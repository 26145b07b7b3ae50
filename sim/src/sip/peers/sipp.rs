//! SIPp: the tester that the field uses, with the scenarios of `sim/sip`.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tempfile::TempDir;

use super::program::{Program, is_bound};
use crate::chance::Chance;
use crate::ports;
use crate::sip::Transferee;

const UNTIL_READY: Duration = Duration::from_secs(20);
/// Beyond the time that the calls take, for those that are sent again.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of its sockets. By itself it asks for 64 KiB, and at 4 000 calls/s loses there what anybody sends to it; the kernel gives
/// at most `net.core.rmem_max`.
const BUFFER: &str = "4194304";
/// The most rows of contexts: calls beyond it begin again with the first.
const ROWS: u64 = 50_000;

/// What the calling side does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Call,
    /// Two re-INVITEs: on hold, and back.
    Hold,
    /// CANCEL while it rings.
    GiveUp,
    /// Follows a REFER, as this kind.
    Follow(Transferee),
    /// Goes where a 302 says.
    Moves,
    /// CANCEL while it rings, but the call is answered all the same.
    TooLate,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Udp,
    /// One connection for all calls.
    Tcp,
}

/// Calls to make.
#[derive(Clone, Debug)]
pub struct Sipp {
    pub part: Part,
    pub protocol: Protocol,
    /// Where requests are sent, and the host of their URI.
    pub through: SocketAddr,
    pub to: SocketAddr,
    pub user: String,
    pub calls: u64,
    /// Calls a second.
    pub rate: u64,
    pub talks: Duration,
    /// Percent of messages that get lost, in both directions.
    pub loss: f64,
}

/// What SIPp counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    pub calls: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub retransmissions: u64,
    pub unexpected: u64,
    pub timed_out: u64,
}

/// A SIPp that answers until it is dropped.
pub struct Answering {
    program: Program,
    pub address: SocketAddr,
}

/// What came with one call: the truth about its chain, and its `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub truth: String,
    pub traceparent: String,
}

/// How calls are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Talk,
    Ring,
    Redirect(SocketAddr),
    /// REFER, to somebody there.
    Transfer(SocketAddr),
    /// At the same moment as the caller gives up: the CANCEL comes when it is too late.
    Races,
}

impl Sipp {
    /// Makes the calls and counts them. Failed calls are figures, not errors.
    pub async fn run(&self) -> Result<Statistics> {
        let folder = tempfile::tempdir()?;
        let mut program = Program::start("sipp", self.command(&folder)?, folder)?;
        let lasting = Duration::from_secs(self.calls / self.rate.max(1)) + self.talks;
        let status = program.ended(lasting + PATIENCE).await?;
        // 1: some calls failed, which the figures tell.
        let counted = matches!(status.code(), Some(0 | 1));
        ensure!(counted, "sipp ended with {status}: {}\n{}", program.file("errors"), program.last_words());
        let figures = statistics(&program.file("statistics"));
        figures.with_context(|| format!("SIPp wrote no statistics: {}", program.last_words()))
    }

    /// What came unexpected is in the file `errors`.
    fn command(&self, folder: &TempDir) -> Result<Command> {
        let port = ports::free()?;
        std::fs::write(folder.path().join("calls.csv"), self.rows())?;
        let mut command = sipp(folder, &self.scenario(), self.protocol, port)?;
        command.arg(self.through.to_string()).args(["-inf", "calls.csv", "-s", &self.user]);
        command.args(["-m", &self.calls.to_string(), "-r", &self.rate.to_string(), "-l", "1000000"]);
        command.args([
            "-d",
            &self.talks.as_millis().to_string(),
            "-trace_stat",
            "-stf",
            "statistics",
            "-fd",
            "1",
        ]);
        if self.loss > 0.0 {
            command.args(["-lost", &self.loss.to_string()]);
        }
        Ok(command)
    }

    fn scenario(&self) -> String {
        let (embedded, copied) = match self.part {
            Part::Call => return include_str!("../../../sip/caller.xml").to_owned(),
            Part::Hold => return include_str!("../../../sip/caller-hold.xml").to_owned(),
            Part::GiveUp => return include_str!("../../../sip/caller-cancel.xml").to_owned(),
            Part::Moves => return include_str!("../../../sip/caller-moves.xml").to_owned(),
            Part::TooLate => return include_str!("../../../sip/caller-late.xml").to_owned(),
            Part::Follow(Transferee::Naive) => ("", ""),
            Part::Follow(Transferee::ReferredBy) => ("", "      Referred-By: [$by]\n"),
            Part::Follow(Transferee::Embedded) => (
                "      <ereg regexp=\"traceparent=([^&amp;&gt;]*)\" search_in=\"hdr\" header=\"Refer-To:\" check_it=\"true\" assign_to=\"whole,embedded\"/>\n      <log message=\"[$whole]\"/>\n",
                "      traceparent: [$embedded]\n",
            ),
            Part::Follow(Transferee::Aware) => ("", "      traceparent: [field1]\n"),
        };
        let text = include_str!("../../../sip/transferee.xml");
        text.replace("@EMBEDDED@", embedded).replace("@COPIED@", copied)
    }

    /// Whom to call, a context of its own, and a name for the chain.
    fn rows(&self) -> String {
        let mut chance = Chance::new(RandomState::new().hash_one(self.to));
        let mut rows = "SEQUENTIAL\n".to_owned();
        for number in 0..self.calls.clamp(1, ROWS) {
            let (high, low, parent) = (chance.next(), chance.next(), chance.next() | 1);
            // Writing into a text cannot fail.
            writeln!(rows, "{};00-{high:016x}{low:016x}-{parent:016x}-01;{number}", self.to).ok();
        }
        rows
    }
}

impl Answering {
    pub async fn start(answer: Answer, protocol: Protocol) -> Result<Self> {
        let (folder, address) = (tempfile::tempdir()?, ports::free()?);
        let (scenario, next) = match answer {
            Answer::Talk => (include_str!("../../../sip/callee.xml"), None),
            Answer::Ring => (include_str!("../../../sip/callee-rings.xml"), None),
            Answer::Redirect(next) => (include_str!("../../../sip/callee-redirects.xml"), Some(next)),
            Answer::Transfer(next) => (include_str!("../../../sip/transferor.xml"), Some(next)),
            Answer::Races => (include_str!("../../../sip/callee-races.xml"), None),
        };
        let mut command = sipp(&folder, scenario, protocol, address)?;
        command.args(["-trace_logs", "-log_file", "log"]);
        if let Some(next) = next {
            std::fs::write(folder.path().join("next.csv"), format!("SEQUENTIAL\n{next}\n"))?;
            command.args(["-inf", "next.csv"]);
        }
        let mut program = Program::start("sipp", command, folder)?;
        program.until(UNTIL_READY, async || is_bound(address, protocol == Protocol::Udp)).await?;
        Ok(Self { program, address })
    }

    /// What came with each call so far.
    pub fn heard(&self) -> Vec<Heard> {
        let log = self.program.file("log");
        let heard = log.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let truth = words.next()?.to_owned();
            Some(Heard { truth, traceparent: words.next().unwrap_or_default().to_owned() })
        });
        heard.collect()
    }

    /// What it did not expect.
    pub fn errors(&self) -> String {
        self.program.file("errors")
    }
}

fn sipp(folder: &TempDir, scenario: &str, protocol: Protocol, own: SocketAddr) -> Result<Command> {
    std::fs::write(folder.path().join("scenario.xml"), scenario)?;
    let mut command = Command::new("sipp");
    command.args(["-sf", "scenario.xml", "-i", &own.ip().to_string(), "-p", &own.port().to_string()]);
    command.args(["-nostdin", "-trace_err", "-error_file", "errors", "-buff_size", BUFFER]);
    command.args(["-t", if protocol == Protocol::Udp { "u1" } else { "t1" }]);
    Ok(command)
}

/// The last line of figures, by the names of their columns.
fn statistics(text: &str) -> Option<Statistics> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (names, last) = (lines.next()?, lines.next_back()?);
    let of = |wanted: &str| {
        let place = names.split(';').position(|name| name == wanted)?;
        last.split(';').nth(place)?.parse::<u64>().ok()
    };
    Some(Statistics {
        calls: of("TotalCallCreated")?,
        succeeded: of("SuccessfulCall(C)")?,
        failed: of("FailedCall(C)")?,
        retransmissions: of("Retransmissions(C)")?,
        unexpected: of("FailedUnexpectedMessage(C)")?,
        timed_out: of("FailedMaxUDPRetrans(C)")? + of("FailedTimeoutOnRecv(C)")?,
    })
}
