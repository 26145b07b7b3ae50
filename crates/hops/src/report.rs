//! What the doctor says: for people and for programs.

mod text;

use serde_json::{Value, json};

use crate::finding::{Finding, Path, Trial};
use crate::mend::{Mend, Problem, mends};
use crate::probe::Protocol;
use crate::product::{Suspect, suspects};
use crate::verdict::{Demands, Severity};

/// Of the JSON; grows when a field changes its meaning.
const VERSION: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing that breaks tracing.
    Sound,
    /// Context is lost or altered.
    Broken,
    /// The echo was not reached on every path, or not by everything that was asked for; nothing broken was found.
    Unchecked,
}

#[derive(Clone, Debug)]
pub struct Report {
    /// One for each address, the outermost first.
    pub hops: Vec<Hop>,
}

/// What lies between one address and the next one further in; the last one's ends at the echo.
#[derive(Clone, Debug)]
pub struct Hop {
    pub address: String,
    /// The next address further in; `None` for the echo.
    pub until: Option<String>,
    pub requests: usize,
    /// Why nothing could be said.
    pub unreached: Option<String>,
    pub suspects: Vec<Suspect>,
    /// Protocols that could not be checked, and why.
    pub not_spoken: Vec<(Protocol, String)>,
    /// One of those was asked for by name.
    pub lacks: bool,
    /// Everything that was sent to this address; the findings are what begins at this hop.
    pub trials: Vec<Trial>,
    pub findings: Vec<Finding>,
    pub mends: Vec<Mend>,
    /// Bytes of the longest `tracestate` that came through; `None` if none did.
    pub longest: Option<usize>,
}

impl Report {
    /// From the paths of the addresses, the outermost first.
    pub fn of(paths: &[Path], demands: &Demands) -> Self {
        let hop =
            |(at, path): (usize, &Path)| Hop::of(path, paths.get(at + 1..).unwrap_or_default(), demands);
        Self { hops: paths.iter().enumerate().map(hop).collect() }
    }

    pub fn health(&self) -> Health {
        let mut health = Health::Sound;
        for hop in &self.hops {
            if hop.errors().next().is_some() {
                return Health::Broken;
            }
            if hop.unreached.is_some() || hop.lacks {
                health = Health::Unchecked;
            }
        }
        health
    }

    /// Documented in `docs/hops.md`.
    pub fn to_json(&self) -> Value {
        json!({
            "version": VERSION,
            "health": self.health().key(),
            "hops": self.hops.iter().map(Hop::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Hop {
    fn of(path: &Path, further: &[Path], demands: &Demands) -> Self {
        // An address that was not reached tells nothing: the hop goes on to the next that was.
        let inner = further.iter().find(|inner| inner.unreached().is_none());
        let unreached = path.unreached();
        let findings = if unreached.is_some() { Vec::new() } else { path.findings(inner, demands) };
        let mut suspects = suspects(path, &findings);
        if let Some(inner) = inner {
            let known = self::suspects(inner, &inner.findings(None, demands));
            suspects.retain(|suspect| !known.iter().any(|known| known.product == suspect.product));
        }
        let not_spoken = path.silent();
        Self {
            address: path.address.clone(),
            until: inner.map(|inner| inner.address.clone()),
            requests: path.trials.iter().map(|trial| trial.outcomes.len()).sum(),
            unreached,
            mends: mends(&findings, &suspects),
            suspects,
            lacks: not_spoken.iter().any(|(protocol, _)| demands.protocols.contains(protocol)),
            not_spoken,
            trials: path.trials.clone(),
            findings,
            longest: path.longest(),
        }
    }

    /// What breaks tracing.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    fn to_json(&self) -> Value {
        let suspects = self
            .suspects
            .iter()
            .map(|s| json!({ "product": s.product.name(), "names_itself": s.named, "evidence": s.evidence }));
        let not_spoken = self.not_spoken.iter().map(|(p, why)| json!({ "protocol": p.key(), "why": why }));
        let mends = self.mends.iter().map(|mend| {
            json!({
                "product": mend.product.name(),
                "problem": mend.problem.key(),
                "place": mend.place,
                "take_out": mend.take_out,
                "put_in": mend.put_in,
            })
        });
        json!({
            "url": self.address,
            "until": self.until,
            "requests": self.requests,
            "unreached": self.unreached,
            "suspects": suspects.collect::<Vec<_>>(),
            "not_checked": not_spoken.collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "mends": mends.collect::<Vec<_>>(),
            "longest_tracestate": self.longest,
            "probes": self.trials.iter().filter(|trial| !trial.outcomes.is_empty()).map(trial).collect::<Vec<_>>(),
        })
    }
}

impl Health {
    pub fn key(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Broken => "broken",
            Self::Unchecked => "unchecked",
        }
    }
}

fn trial(trial: &Trial) -> Value {
    let verdicts = trial.verdicts().into_iter().map(|((header, verdict), times)| {
        json!({ "header": header, "verdict": verdict.key(), "detail": verdict.detail(), "times": times })
    });
    json!({
        "probe": trial.probe.number,
        "name": trial.probe.name,
        "protocol": trial.probe.protocol.key(),
        "of": trial.outcomes.len(),
        "verdicts": verdicts.collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    let cases = finding.cases.iter().map(|case| {
        let (protocol, name) = (case.protocol.key(), case.name);
        json!({ "probe": case.number, "name": name, "protocol": protocol, "times": case.times, "of": case.of })
    });
    json!({
        "severity": finding.severity.key(),
        "header": finding.header,
        "verdict": finding.verdict.key(),
        "detail": finding.verdict.detail(),
        "flapping": finding.flaps(),
        "problem": Problem::of(finding).map(Problem::key),
        "probes": cases.collect::<Vec<_>>(),
    })
}
