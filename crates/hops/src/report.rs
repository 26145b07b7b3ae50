//! What the doctor says: for people and for programs.

mod text;

use serde_json::{Value, json};

use crate::finding::{Finding, Path};
use crate::mend::{Mend, Problem, mends};
use crate::probe::Protocol;
use crate::product::{Suspect, suspects};
use crate::verdict::Severity;

/// Of the JSON; grows when a field changes its meaning.
const VERSION: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing that breaks tracing.
    Sound,
    /// Context is lost or altered.
    Broken,
    /// The echo was not reached on every path, and nothing broken was found on the others.
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
    pub requests: usize,
    /// Why nothing could be said.
    pub unreached: Option<String>,
    pub suspects: Vec<Suspect>,
    /// Protocols that could not be checked, and why.
    pub not_spoken: Vec<(Protocol, String)>,
    pub findings: Vec<Finding>,
    pub mends: Vec<Mend>,
    /// Bytes of the longest `tracestate` that came through; `None` if none did.
    pub longest: Option<usize>,
}

impl Report {
    /// From the paths of the addresses, the outermost first.
    pub fn of(paths: &[Path], transparent: bool) -> Self {
        let hop = |(at, path): (usize, &Path)| Hop::of(path, paths.get(at + 1), transparent);
        Self { hops: paths.iter().enumerate().map(hop).collect() }
    }

    pub fn health(&self) -> Health {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if self.hops.iter().any(|hop| hop.findings.iter().any(is_error)) {
            return Health::Broken;
        }
        if self.hops.iter().any(|hop| hop.unreached.is_some()) { Health::Unchecked } else { Health::Sound }
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
    fn of(path: &Path, inner: Option<&Path>, transparent: bool) -> Self {
        // What an unreached path does further in is not known: nothing is held against it.
        let inner = inner.filter(|inner| inner.unreached().is_none());
        let unreached = path.unreached();
        let findings = if unreached.is_some() { Vec::new() } else { path.findings(inner, transparent) };
        let mut suspects = suspects(path, &findings);
        if let Some(inner) = inner {
            let known = self::suspects(inner, &inner.findings(None, transparent));
            suspects.retain(|suspect| !known.iter().any(|known| known.product == suspect.product));
        }
        let spoken = |&protocol: &Protocol| Some((protocol, path.not_spoken(protocol)?));
        Self {
            address: path.address.clone(),
            requests: path.trials.iter().map(|trial| trial.outcomes.len()).sum(),
            unreached,
            mends: mends(&findings, &suspects),
            suspects,
            not_spoken: Protocol::ALL.iter().filter_map(spoken).collect(),
            findings,
            longest: path.longest(),
        }
    }

    fn to_json(&self) -> Value {
        let suspects = self
            .suspects
            .iter()
            .map(|s| json!({ "product": s.product.name(), "names_itself": s.named, "evidence": s.evidence }));
        let not_spoken = self.not_spoken.iter().map(|(p, why)| json!({ "protocol": p.key(), "why": why }));
        let mends = self.mends.iter().map(|mend| {
            let (product, problem) = (mend.product.name(), mend.problem.key());
            json!({ "product": product, "problem": problem, "place": mend.place, "lines": mend.lines })
        });
        json!({
            "url": self.address,
            "requests": self.requests,
            "unreached": self.unreached,
            "suspects": suspects.collect::<Vec<_>>(),
            "not_checked": not_spoken.collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "mends": mends.collect::<Vec<_>>(),
            "longest_tracestate": self.longest,
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
