//! The lines that mend a hop.

mod lines;

use crate::classify::REQUEST;
use crate::finding::Finding;
use crate::probe::{About, Protocol};
use crate::product::{Product, Suspect};
use crate::verdict::{How, Verdict};

/// What a configuration has to put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Problem {
    /// Headers do not arrive, or are overwritten.
    Lost,
    /// Too long for the hop's buffers.
    TooLong,
    /// The hop writes a context of its own.
    OwnContext,
    /// The hop adds a second line.
    Doubled,
    /// Names with `_` or `.` are dropped.
    Names,
    /// No WebSocket comes through.
    Upgrade,
    /// No gRPC comes through.
    Grpc,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    pub product: Product,
    pub problem: Problem,
    /// Where the lines belong, and what to take away.
    pub place: String,
    pub lines: String,
}

impl Problem {
    /// `None` where nothing at the hop is to be mended.
    pub fn of(finding: &Finding) -> Option<Self> {
        let all = |about: fn(About) -> bool| finding.cases.iter().all(|case| about(case.about));
        match finding.verdict {
            Verdict::Downgraded if finding.cases.iter().any(|case| case.protocol == Protocol::WebSocket) => {
                Some(Self::Upgrade)
            }
            Verdict::Downgraded => Some(Self::Grpc),
            Verdict::Stripped if all(|about| about == About::Alias) => Some(Self::Names),
            // Lines that are odd or wrong may be treated so; what is listed in Connection has to go.
            _ if all(|about| about == About::Odd) => None,
            Verdict::Refused(_) | Verdict::Altered(How::Cut)
                if all(|about| matches!(about, About::Size(_))) =>
            {
                Some(Self::TooLong)
            }
            Verdict::Reparented | Verdict::Restarted | Verdict::Added | Verdict::Altered(How::Sampled) => {
                Some(Self::OwnContext)
            }
            Verdict::Duplicated => Some(Self::Doubled),
            Verdict::Stripped | Verdict::Altered(How::Value | How::Cut | How::Reordered) => Some(Self::Lost),
            Verdict::Refused(_) if finding.header == REQUEST => Some(Self::Lost),
            _ => None,
        }
    }

    pub fn key(self) -> &'static str {
        match self {
            Self::Lost => "headers lost",
            Self::TooLong => "headers too long",
            Self::OwnContext => "own context",
            Self::Doubled => "doubled",
            Self::Names => "names dropped",
            Self::Upgrade => "no WebSocket",
            Self::Grpc => "no gRPC",
        }
    }
}

/// For the products that say their names; else for those that behave so; else for every product the doctor knows.
pub fn mends(findings: &[Finding], suspects: &[Suspect]) -> Vec<Mend> {
    let named: Vec<Product> = suspects.iter().filter(|s| s.named).map(|s| s.product).collect();
    let products = match (named.is_empty(), suspects.is_empty()) {
        (false, _) => named,
        (true, false) => suspects.iter().map(|suspect| suspect.product).collect(),
        (true, true) => Product::ALL.to_vec(),
    };
    let mut mends: Vec<Mend> = Vec::new();
    for finding in findings {
        let Some(problem) = Problem::of(finding) else { continue };
        for &product in &products {
            let Some((place, lines)) = lines::of(product, problem) else { continue };
            let header = if finding.header == REQUEST { "traceparent" } else { &finding.header };
            let fill = |text: &str| {
                text.replace("{header}", header).replace("{variable}", &header.replace('-', "_"))
            };
            let (place, lines) = (fill(place), fill(lines));
            match mends.iter_mut().find(|mend| (mend.product, mend.problem) == (product, problem)) {
                Some(mend) => mend.add(&lines),
                None => mends.push(Mend { product, problem, place, lines }),
            }
        }
    }
    mends
}

impl Mend {
    /// The lines for another header, as far as they are not there yet.
    fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            if !self.lines.lines().any(|known| known == line) {
                self.lines.push('\n');
                self.lines.push_str(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_headers_have_a_mend_for_every_product() {
        for product in Product::ALL {
            assert!(lines::of(product, Problem::Lost).is_some(), "{}", product.name());
        }
    }
}
