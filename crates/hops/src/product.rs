//! Which product a hop is, by what it says and by what it does.

mod sip;

use crate::field::{Field, first, printable};
use crate::finding::{Finding, Path};
use crate::outcome::Answer;
use crate::seen::Seen;
use crate::verdict::{How, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    Nginx,
    HaProxy,
    Envoy,
    AwsAlb,
    Apache,
    Traefik,
    Caddy,
    Varnish,
    Kamailio,
    OpenSips,
    FreeSwitch,
    Asterisk,
    AudioCodes,
    Oracle,
    Ribbon,
    Cube,
    Throughline,
}

/// A product, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    pub product: Product,
    /// It says its name; otherwise it only behaves so.
    pub named: bool,
    pub evidence: Vec<String>,
}

impl Product {
    pub const HTTP: [Self; 8] = [
        Self::Nginx,
        Self::HaProxy,
        Self::Envoy,
        Self::AwsAlb,
        Self::Apache,
        Self::Traefik,
        Self::Caddy,
        Self::Varnish,
    ];

    pub const SIP: [Self; 9] = [
        Self::Kamailio,
        Self::OpenSips,
        Self::FreeSwitch,
        Self::Asterisk,
        Self::AudioCodes,
        Self::Oracle,
        Self::Ribbon,
        Self::Cube,
        Self::Throughline,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "NGINX",
            Self::HaProxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::AwsAlb => "AWS ALB",
            Self::Apache => "Apache",
            Self::Traefik => "Traefik",
            Self::Caddy => "Caddy",
            Self::Varnish => "Varnish",
            Self::Kamailio => "Kamailio",
            Self::OpenSips => "OpenSIPS",
            Self::FreeSwitch => "FreeSWITCH",
            Self::Asterisk => "Asterisk",
            Self::AudioCodes => "AudioCodes Mediant",
            Self::Oracle => "Oracle SBC",
            Self::Ribbon => "Ribbon SBC Core",
            Self::Cube => "Cisco CUBE",
            Self::Throughline => "Throughline",
        }
    }
}

/// Products that say their names; if none does, those that behave so. The surest first.
pub fn suspects(path: &Path, findings: &[Finding]) -> Vec<Suspect> {
    let mut found = Found(Vec::new());
    if path.trials.iter().any(|trial| trial.probe.protocol.is_sip()) {
        sip::suspects(path, &mut found);
        return found.sorted();
    }
    for trial in &path.trials {
        let sent: Vec<_> = trial.probe.template.iter().collect();
        for (_, outcome) in &trial.outcomes {
            if let Some(answer) = outcome.answer() {
                found.says(answer);
            }
            if let Some(seen) = outcome.seen() {
                found.writes(seen, |name| sent.iter().any(|field| field.is(name)));
            }
        }
    }
    if found.0.is_empty() {
        found.behaves(path, findings);
    }
    found.sorted()
}

struct Found(Vec<Suspect>);

impl Found {
    fn sorted(mut self) -> Vec<Suspect> {
        self.0.sort_by_key(|suspect| std::cmp::Reverse((suspect.named, suspect.evidence.len())));
        self.0
    }

    fn add(&mut self, product: Product, named: bool, evidence: impl Into<String>) {
        let evidence = evidence.into();
        match self.0.iter_mut().find(|suspect| suspect.product == product) {
            Some(suspect) => {
                suspect.named |= named;
                if !suspect.evidence.contains(&evidence) {
                    suspect.evidence.push(evidence);
                }
            }
            None => self.0.push(Suspect { product, named, evidence: vec![evidence] }),
        }
    }

    /// What an answer says of who made or passed it.
    fn says(&mut self, answer: &Answer) {
        const NAMES: [(&str, Product); 9] = [
            ("nginx", Product::Nginx),
            ("openresty", Product::Nginx),
            ("haproxy", Product::HaProxy),
            ("envoy", Product::Envoy),
            ("awselb", Product::AwsAlb),
            ("apache", Product::Apache),
            ("traefik", Product::Traefik),
            ("caddy", Product::Caddy),
            ("varnish", Product::Varnish),
        ];
        for header in ["server", "via"] {
            let Some(value) = first(&answer.fields, header) else { continue };
            let lower = value.to_ascii_lowercase();
            for (name, product) in NAMES.iter().filter(|(name, _)| lower.contains(name)) {
                let said = lower.split([' ', ',', '(', ')']).find(|word| word.contains(name));
                self.add(*product, true, format!("{header}: {}", printable(said.unwrap_or(name))));
            }
        }
        if first(&answer.fields, "x-varnish").is_some() {
            self.add(Product::Varnish, true, "answers with X-Varnish");
        }
        if answer.fields.iter().any(|field| field.name.to_ascii_lowercase().starts_with("x-envoy-")) {
            self.add(Product::Envoy, true, "answers with X-Envoy-…");
        }
        if answer.page.contains("<center>nginx") {
            self.add(Product::Nginx, true, "its error page");
        }
        if answer.page.contains("Your browser sent an invalid request.\n</body></html>") {
            self.add(Product::HaProxy, true, "its error page");
        }
    }

    /// What a hop wrote into the request.
    fn writes(&mut self, seen: &Seen, sent: impl Fn(&str) -> bool) {
        let has = |name: &str| seen.fields.iter().any(|field: &Field| field.is(name));
        if has("x-varnish") {
            self.add(Product::Varnish, true, "adds X-Varnish to the request");
        }
        if seen.fields.iter().any(|field| field.name.to_ascii_lowercase().starts_with("x-envoy-")) {
            self.add(Product::Envoy, true, "adds X-Envoy-… to the request");
        }
        if has("x-amzn-trace-id") && !sent("x-amzn-trace-id") {
            self.add(Product::AwsAlb, true, "adds X-Amzn-Trace-Id to the request");
        }
        if has("x-forwarded-server") && has("x-real-ip") {
            self.add(Product::Traefik, false, "adds X-Forwarded-Server and X-Real-Ip");
        } else if has("x-forwarded-server") {
            self.add(Product::Apache, false, "adds X-Forwarded-Server");
        }
        if seen.protocol == "HTTP/1.0" {
            self.add(Product::Nginx, false, "speaks HTTP/1.0 to the next hop");
        }
    }

    /// The signatures of the products' defaults.
    fn behaves(&mut self, path: &Path, findings: &[Finding]) {
        let find =
            |header: &str, verdict| findings.iter().find(|f| f.header == header && f.verdict == verdict);
        let merged = find("traceparent", Verdict::Altered(How::Merged)).is_some();
        if merged {
            self.add(Product::Apache, false, "joins lines of the same name");
        }
        if find("trace_parent", Verdict::Stripped).is_some()
            && find("trace.parent", Verdict::Stripped).is_some()
        {
            self.add(Product::Nginx, false, "drops names with `_` and `.`");
        }
        let came_as = |name: &str| {
            let trials = path.trials.iter().filter(|trial| trial.probe.name == "TRACEPARENT");
            let mut seen = trials.flat_map(|trial| &trial.outcomes).filter_map(|(_, outcome)| outcome.seen());
            seen.any(|seen| seen.protocol != "HTTP/2" && seen.fields.iter().any(|field| field.name == name))
        };
        if came_as("traceparent") {
            // Envoy does it too, and is known by the X-Envoy-… that it adds.
            self.add(Product::HaProxy, false, "writes names in lower case");
        }
        if came_as("Traceparent") {
            // Traefik does it too, and is known by the X-Forwarded-Server that it adds.
            self.add(Product::Caddy, false, "writes names as Go does");
        }
    }
}
