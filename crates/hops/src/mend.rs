//! The lines that mend a hop.

mod lines;

use crate::classify::REQUEST;
use crate::finding::{Case, Finding};
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

/// `...` stands for whatever is written there, `BACKEND` for the host and port of the next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    pub product: Product,
    pub problem: Problem,
    /// Where the lines belong.
    pub place: &'static str,
    pub take_out: Vec<String>,
    pub put_in: Vec<String>,
}

impl Problem {
    /// `None` where nothing at the hop is to be mended.
    pub fn of(finding: &Finding) -> Option<Self> {
        let about = |about: fn(&Case) -> bool| finding.cases.iter().filter(|case| about(case)).count();
        let all = finding.cases.len();
        let sizes = about(|case| matches!(case.about, About::Size(_)));
        match finding.verdict {
            Verdict::Downgraded if about(|case| case.protocol == Protocol::WebSocket) > 0 => {
                Some(Self::Upgrade)
            }
            Verdict::Downgraded => Some(Self::Grpc),
            // Where one of two names is enough, both are kept by the same lines.
            Verdict::Stripped if is_sip(finding) => Some(Self::Lost),
            Verdict::Stripped if about(|case| case.about == About::Alias) == all => Some(Self::Names),
            // Lines that are odd or wrong may be treated so; what is listed in Connection has to go.
            _ if about(|case| case.about == About::Odd) == all => None,
            Verdict::Refused(_) if sizes > 0 && about(|case| case.about.is_short()) == 0 => {
                Some(Self::TooLong)
            }
            Verdict::Altered(How::Cut) if sizes == all => Some(Self::TooLong),
            Verdict::Reparented | Verdict::Restarted | Verdict::Added | Verdict::Altered(How::Sampled) => {
                Some(Self::OwnContext)
            }
            Verdict::Duplicated => Some(Self::Doubled),
            Verdict::Alias => Some(Self::Lost),
            Verdict::Stripped | Verdict::Altered(How::Value | How::Cut | How::Reordered) => Some(Self::Lost),
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
        (true, true) if findings.iter().any(is_sip) => Product::SIP.to_vec(),
        (true, true) => Product::HTTP.to_vec(),
    };
    let mut mends: Vec<Mend> = Vec::new();
    let worst =
        |problem| findings.iter().filter(|f| Problem::of(f) == Some(problem)).map(|f| f.severity).min();
    for finding in findings {
        let Some(problem) = Problem::of(finding) else { continue };
        // Lines for what breaks tracing; those for what is only worth knowing come when that is mended.
        if worst(problem) < Some(finding.severity) {
            continue;
        }
        let header = if finding.header == REQUEST { "traceparent" } else { &finding.header };
        for &product in &products {
            let Some((place, lines)) = lines::of(product, problem) else { continue };
            let at = mends.iter().position(|mend| (mend.product, mend.problem) == (product, problem));
            let at = at.unwrap_or_else(|| {
                mends.push(Mend { product, problem, place, take_out: Vec::new(), put_in: Vec::new() });
                mends.len() - 1
            });
            if let Some(mend) = mends.get_mut(at) {
                mend.add(&lines.replace("{header}", header));
            }
        }
    }
    mends
}

fn is_sip(finding: &Finding) -> bool {
    finding.cases.iter().any(|case| case.protocol.is_sip())
}

impl Mend {
    /// The lines for one header, as far as they are not there yet.
    fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            let (to, line) = match line.strip_prefix("- ") {
                Some(line) => (&mut self.take_out, line),
                None => (&mut self.put_in, line),
            };
            if !to.iter().any(|known| known == line) {
                to.push(line.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_headers_have_a_mend_for_every_product() {
        for product in Product::HTTP.into_iter().chain(Product::SIP) {
            assert!(lines::of(product, Problem::Lost).is_some(), "{}", product.name());
        }
    }

    #[test]
    fn a_refusal_is_one_of_length_only_where_short_requests_come_through() {
        let finding = |abouts: &[About]| Finding {
            severity: crate::verdict::Severity::Note,
            header: REQUEST.to_owned(),
            verdict: Verdict::Refused(Some(431)),
            cases: abouts
                .iter()
                .map(|&about| Case { number: 1, name: "", protocol: Protocol::Http1, about, times: 1, of: 1 })
                .collect(),
        };
        assert_eq!(Problem::of(&finding(&[About::Size(8_000)])), Some(Problem::TooLong));
        assert_eq!(Problem::of(&finding(&[About::Odd, About::Size(8_000)])), Some(Problem::TooLong));
        assert_eq!(Problem::of(&finding(&[About::Context, About::Size(8_000)])), None);
        assert_eq!(Problem::of(&finding(&[About::Context])), None);
    }
}
