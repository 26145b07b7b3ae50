//! The report as text.

use std::fmt::{Display, Formatter, Result};

use super::{Health, Hop, Report};
use crate::finding::Finding;
use crate::probe::Protocol;
use crate::product::Suspect;

/// Probes of one finding and protocol; the JSON has all.
const SHOWN: usize = 6;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for hop in &self.hops {
            writeln!(f, "{hop}")?;
        }
        f.write_str(match self.health() {
            Health::Sound => "Nothing breaks tracing.",
            Health::Broken => "Trace context is lost or altered.",
            Health::Unchecked => "It could not be checked.",
        })
    }
}

impl Display for Hop {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{} ({} requests)", self.address, self.requests)?;
        if let Some(why) = &self.unreached {
            return writeln!(
                f,
                "  The echo was not reached: {why}. Start it at the end of the path: throughline hops echo"
            );
        }
        writeln!(f, "  hop: {}", suspects(&self.suspects))?;
        for finding in &self.findings {
            writeln!(f, "  {:<5}  {} {}", finding.severity.key(), finding.header, finding.verdict)?;
            for protocol in Protocol::ALL {
                if let Some(cases) = cases(finding, protocol) {
                    writeln!(f, "         {}: {cases}", protocol.name())?;
                }
            }
        }
        if self.findings.is_empty() {
            writeln!(f, "  Everything came through as it was sent.")?;
        }
        match self.longest {
            Some(bytes) => writeln!(f, "  longest tracestate that came through: {bytes} bytes")?,
            None => writeln!(f, "  no tracestate of any size came through over HTTP/1.1")?,
        }
        for (protocol, why) in &self.not_spoken {
            writeln!(f, "  not checked: {} ({why})", protocol.name())?;
        }
        for mend in &self.mends {
            writeln!(f, "  mend, {} ({}): {}", mend.product.name(), mend.problem.key(), mend.place)?;
            for line in mend.lines.lines() {
                writeln!(f, "      {line}")?;
            }
        }
        Ok(())
    }
}

fn suspects(suspects: &[Suspect]) -> String {
    let words = |suspect: &Suspect| {
        let surely = if suspect.named { "" } else { "probably " };
        format!("{surely}{} ({})", suspect.product.name(), suspect.evidence.join("; "))
    };
    let list: Vec<_> = suspects.iter().map(words).collect();
    if list.is_empty() { "no product that the doctor knows".to_owned() } else { list.join(", ") }
}

fn cases(finding: &Finding, protocol: Protocol) -> Option<String> {
    let cases = finding.cases.iter().filter(|case| case.protocol == protocol);
    let words = cases.map(|case| {
        let often = if case.times < case.of {
            format!(", {} of {} times", case.times, case.of)
        } else {
            String::new()
        };
        format!("{} (probe {}{often})", case.name, case.number)
    });
    let mut list: Vec<_> = words.collect();
    let more = list.len().saturating_sub(SHOWN);
    list.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!list.is_empty()).then(|| list.join(", ") + &more)
}
