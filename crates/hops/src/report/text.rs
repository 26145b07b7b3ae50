//! The report as text: the verdict, then which hop, then what to paste.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};

use super::{Health, Hop, Report};
use crate::classify::REQUEST;
use crate::finding::Finding;
use crate::mend::{Mend, Problem};
use crate::probe::Protocol;
use crate::product::Suspect;
use crate::verdict::{Severity, Verdict};

/// Probes of one finding and protocol; the JSON has all.
const SHOWN: usize = 6;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.health() {
            Health::Sound => {
                let notes: usize = self.hops.iter().map(|hop| hop.findings.len()).sum();
                let notes = match notes {
                    0 => String::new(),
                    1 => "; 1 note".to_owned(),
                    more => format!("; {more} notes"),
                };
                writeln!(f, "SOUND: nothing on the path breaks tracing{notes}.")?;
            }
            Health::Unchecked => writeln!(f, "NOT CHECKED: {}.", self.unchecked())?,
            Health::Broken => {
                for (at, hop) in self.hops.iter().enumerate() {
                    let errors: Vec<_> =
                        hop.errors().map(|e| format!("{} {}", e.header, e.verdict)).collect();
                    if !errors.is_empty() {
                        let place =
                            if self.hops.len() > 1 { format!("hop {}, ", at + 1) } else { String::new() };
                        let who = product(&hop.suspects);
                        writeln!(f, "BROKEN at {place}{} ({who}): {}.", hop.address, errors.join(", "))?;
                    }
                }
            }
        }
        for (at, hop) in self.hops.iter().enumerate() {
            let until = hop.until.as_deref().unwrap_or("the echo");
            writeln!(f, "\nHop {}: {} to {until} ({} requests)", at + 1, hop.address, hop.requests)?;
            write!(f, "{hop}")?;
        }
        let hides = |(at, hop): (usize, &Hop)| (at > 0 && hop.errors().next().is_some()).then_some(at + 1);
        match self.hops.iter().enumerate().find_map(hides) {
            Some(at) => writeln!(
                f,
                "\nWhat hop {at} loses hides what the hops in front of it do: mend it, and check again."
            ),
            None => Ok(()),
        }
    }
}

impl Report {
    fn unchecked(&self) -> String {
        let why = |hop: &Hop| {
            let lacking = hop.not_spoken.first().filter(|_| hop.lacks);
            let lacking = lacking.map(|(protocol, why)| format!("no {}: {why}", protocol.name()));
            hop.unreached.as_ref().map(|why| format!("the echo was not reached: {why}")).or(lacking)
        };
        self.hops.iter().find_map(why).unwrap_or_default()
    }
}

impl Display for Hop {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(why) = &self.unreached {
            writeln!(f, "  the echo was not reached: {why}")?;
            return writeln!(
                f,
                "  start it at the end of the path, in place of the application: throughline hops echo{}",
                if self.trials.iter().any(|trial| trial.probe.protocol.is_sip()) {
                    " --sip ADDRESS"
                } else {
                    ""
                }
            );
        }
        writeln!(f, "  product      {}", suspects(&self.suspects))?;
        for alike in self.findings.chunk_by(|one, next| kind(one) == kind(next)) {
            let [finding, ..] = alike else { continue };
            let (severity, verdict, cause) = kind(finding);
            let headers: Vec<_> = alike.iter().map(|finding| finding.header.as_str()).collect();
            let cause = cause.filter(|&problem| problem != Problem::Lost);
            let cause = cause.map(|problem| format!(": {}", problem.key())).unwrap_or_default();
            writeln!(f, "  {:<11}  {} {verdict}{cause}", severity.key(), headers.join(", "))?;
            for protocol in Protocol::ALL {
                if let Some(cases) = cases(alike, protocol) {
                    writeln!(f, "               {}: {cases}", protocol.name())?;
                }
            }
        }
        let (passed, partly) = self.passed();
        for (title, headers) in [("passed", passed), ("in part", partly)] {
            if !headers.is_empty() {
                writeln!(f, "  {title:<11}  {}", headers.join(", "))?;
            }
        }
        match self.longest {
            Some(bytes) => {
                writeln!(f, "  longest      a tracestate of {bytes} bytes, from here to the echo")?
            }
            None => writeln!(f, "  longest      no tracestate came through to the echo")?,
        }
        for (protocol, why) in &self.not_spoken {
            writeln!(f, "  not checked  {} ({why})", protocol.name())?;
        }
        self.mends.iter().try_for_each(|mend| write!(f, "\n{mend}"))?;
        let mut lines = self.mends.iter().flat_map(|mend| &mend.put_in);
        match lines.any(|line| line.contains("BACKEND")) {
            true => {
                writeln!(f, "\n  BACKEND stands for the host and port that this hop sends its requests to.")
            }
            false => Ok(()),
        }
    }
}

impl Hop {
    /// The headers that always came as they were sent, and those that sometimes did.
    fn passed(&self) -> (Vec<String>, Vec<String>) {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for ((header, verdict), times) in self.trials.iter().flat_map(|trial| trial.verdicts()) {
            if header != REQUEST && verdict != Verdict::Added {
                let (passed, all) = counts.entry(header).or_default();
                *passed += if verdict == Verdict::Passed { times } else { 0 };
                *all += times;
            }
        }
        let (mut always, mut partly) = (Vec::new(), Vec::new());
        for (header, (passed, all)) in counts {
            match passed {
                0 => {}
                _ if passed == all => always.push(header),
                _ => partly.push(format!("{header} ({passed} of {all} times)")),
            }
        }
        (always, partly)
    }
}

impl Display for Mend {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "  Mend for {} ({}): {}", self.product.name(), self.problem.key(), self.place)?;
        for (title, lines) in [("take out", &self.take_out), ("put in", &self.put_in)] {
            if !lines.is_empty() {
                writeln!(f, "    {title}:")?;
            }
            for line in lines {
                writeln!(f, "      {line}")?;
            }
        }
        Ok(())
    }
}

/// The surest.
fn product(suspects: &[Suspect]) -> String {
    match suspects.first() {
        Some(suspect) if suspect.named => suspect.product.name().to_owned(),
        Some(suspect) => format!("probably {}", suspect.product.name()),
        None => "unknown product".to_owned(),
    }
}

fn suspects(suspects: &[Suspect]) -> String {
    let words = |suspect: &Suspect| {
        let surely = if suspect.named { "" } else { "probably " };
        format!("{surely}{} ({})", suspect.product.name(), suspect.evidence.join("; "))
    };
    let list: Vec<_> = suspects.iter().map(words).collect();
    if list.is_empty() { "none that the doctor knows".to_owned() } else { list.join(", ") }
}

/// Findings of one kind that follow each other are told together.
fn kind(finding: &Finding) -> (Severity, Verdict, Option<Problem>) {
    (finding.severity, finding.verdict, Problem::of(finding))
}

fn cases(findings: &[Finding], protocol: Protocol) -> Option<String> {
    let cases = findings.iter().flat_map(|finding| &finding.cases).filter(|case| case.protocol == protocol);
    let mut list: Vec<String> = Vec::new();
    for case in cases {
        let word = match case.times < case.of {
            true => format!("{} ({} of {} times)", case.name, case.times, case.of),
            false => case.name.to_owned(),
        };
        if !list.contains(&word) {
            list.push(word);
        }
    }
    let more = list.len().saturating_sub(SHOWN);
    list.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!list.is_empty()).then(|| list.join(", ") + &more)
}
