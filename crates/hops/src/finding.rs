//! From single verdicts to findings: what holds for one hop, always or now and then.

use std::collections::BTreeMap;

use crate::classify::classify;
use crate::outcome::{Answer, Outcome};
use crate::probe::{About, Mark, Probe, Protocol};
use crate::verdict::{Demands, Severity, Verdict};

/// One probe with everything that became of it.
#[derive(Clone, Debug)]
pub struct Trial {
    pub probe: Probe,
    /// Empty where the protocol is not spoken.
    pub outcomes: Vec<(Mark, Outcome)>,
}

/// Everything that was sent to one address.
#[derive(Clone, Debug)]
pub struct Path {
    pub address: String,
    pub trials: Vec<Trial>,
    /// What the first hop says when it is asked itself, if it can be.
    pub itself: Option<Answer>,
}

/// The same verdict on the same header.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub header: String,
    pub verdict: Verdict,
    pub cases: Vec<Case>,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub number: u16,
    pub name: &'static str,
    pub protocol: Protocol,
    pub about: About,
    /// How often it was so, of how many times.
    pub times: usize,
    pub of: usize,
}

impl Path {
    /// Why nothing could be checked; `None` if something was.
    pub fn unreached(&self) -> Option<String> {
        let mut why = None;
        for trial in &self.trials {
            let silent = self.not_spoken(trial.probe.protocol)?;
            why = why.or(Some(silent));
        }
        Some(why.unwrap_or_else(|| "nothing was sent".to_owned()))
    }

    /// Why this protocol could not be checked; `None` if it was.
    pub fn not_spoken(&self, protocol: Protocol) -> Option<String> {
        let mut trials = self.trials.iter().filter(|trial| trial.probe.protocol == protocol);
        let bare = trials.find(|trial| trial.probe.about == About::Bare)?;
        let is_seen = bare.outcomes.iter().any(|(_, outcome)| outcome.seen().is_some());
        // It may have come to life after the rest was given up.
        let is_whole = trials.all(|trial| !trial.outcomes.is_empty());
        let why = || bare.outcomes.first().map_or_else(|| "nothing was sent".to_owned(), |(_, o)| o.why());
        (!is_seen || !is_whole).then(why)
    }

    /// What differs from what was sent and is not so at `inner`, the path one hop further in; errors first.
    pub fn findings(&self, inner: Option<&Self>, demands: &Demands) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for trial in self.trials.iter().filter(|trial| self.not_spoken(trial.probe.protocol).is_none()) {
            let known = inner.map(|inner| inner.verdicts_of(&trial.probe)).unwrap_or_default();
            let Probe { number, name, protocol, about, .. } = trial.probe;
            for ((header, verdict), times) in trial.verdicts() {
                let Some(severity) = verdict.severity(&trial.probe, &header, demands) else { continue };
                if known.contains_key(&(header.clone(), verdict)) {
                    continue;
                }
                // A restarting hop refuses for a moment, whatever it is sent.
                let is_passing = matches!(verdict, Verdict::Refused(_)) && times < trial.outcomes.len();
                let severity = if is_passing { Severity::Note } else { severity };
                let case = Case { number, name, protocol, about, times, of: trial.outcomes.len() };
                match found.iter_mut().find(|other| other.header == header && other.verdict == verdict) {
                    // What is an error once is one finding, with everything else that it does.
                    Some(finding) => {
                        finding.severity = finding.severity.min(severity);
                        finding.cases.push(case);
                    }
                    None => found.push(Finding { severity, header, verdict, cases: vec![case] }),
                }
            }
        }
        found.sort_by_key(|finding| (finding.severity, finding.verdict));
        found
    }

    /// Protocols that were sent and could not be checked, and why.
    pub fn silent(&self) -> Vec<(Protocol, String)> {
        Protocol::ALL.iter().filter_map(|&protocol| Some((protocol, self.not_spoken(protocol)?))).collect()
    }

    /// The longest `tracestate` of the probes that came through whole every time.
    pub fn longest(&self) -> Option<usize> {
        let is_whole = |trial: &Trial| {
            let keeps = |(mark, outcome): &(Mark, Outcome)| {
                classify(&trial.probe, *mark, outcome).iter().all(|(_, verdict)| verdict.keeps())
            };
            trial.outcomes.iter().all(keeps)
        };
        let counts = [Protocol::Http1, Protocol::Options, Protocol::Invite];
        let sent = self.trials.iter().filter(|trial| {
            counts.contains(&trial.probe.protocol) && self.not_spoken(trial.probe.protocol).is_none()
        });
        // Of SIP, each method that arrives has to keep it.
        let mut sizes: BTreeMap<usize, bool> = BTreeMap::new();
        for trial in sent.filter(|trial| !trial.outcomes.is_empty()) {
            if let About::Size(bytes) = trial.probe.about {
                *sizes.entry(bytes).or_insert(true) &= is_whole(trial);
            }
        }
        sizes.into_iter().rev().find_map(|(bytes, whole)| whole.then_some(bytes))
    }

    /// Of the same probe over the same protocol; where that is not spoken here, the hop in front went on with another.
    fn verdicts_of(&self, probe: &Probe) -> BTreeMap<(String, Verdict), usize> {
        let same = |trial: &&Trial| {
            trial.probe.name == probe.name && self.not_spoken(trial.probe.protocol).is_none()
        };
        let other = |trial: &&Trial| trial.probe.protocol != probe.protocol;
        self.trials.iter().filter(same).min_by_key(other).map(Trial::verdicts).unwrap_or_default()
    }
}

impl Trial {
    /// How often each verdict was given.
    pub fn verdicts(&self) -> BTreeMap<(String, Verdict), usize> {
        let mut counted = BTreeMap::new();
        for (mark, outcome) in &self.outcomes {
            for verdict in classify(&self.probe, *mark, outcome) {
                *counted.entry(verdict).or_default() += 1;
            }
        }
        counted
    }
}

impl Finding {
    /// Not every time: a hop that restarts, or several that take turns.
    pub fn flaps(&self) -> bool {
        self.cases.iter().any(|case| case.times < case.of)
    }
}
