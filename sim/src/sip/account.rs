//! Which trace was the right one, and which one came.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::message::Message;

/// Names the first call of a chain on every request that begins a call of it. No edge knows it, so it tells the truth
/// where contexts may be wrong.
pub const TRUTH: &str = "X-Sim-Call";

/// A call that came, as its first request told it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// Of the first call of the chain; none if whoever called is none of ours.
    pub truth: Option<String>,
    pub call_id: String,
    pub from: String,
    pub uri: String,
    /// Every one that came: two are as good as none.
    pub traceparent: Vec<String>,
    pub x_traceparent: Vec<String>,
    pub tracestate: Vec<String>,
    pub user_to_user: Vec<String>,
    pub conversation: Option<String>,
    pub referred_by: Option<String>,
    pub replaces: Option<String>,
}

/// What became of the trace of one call of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Verdict {
    /// The trace of the first call.
    Right,
    /// The trace of another chain.
    Mislinked,
    /// A trace of its own.
    Fresh,
    /// No trace at all.
    Without,
}

/// All that came to some agents.
#[derive(Clone, Debug, Default)]
pub struct Account(Vec<Arrival>);

impl Arrival {
    pub(super) fn of(invite: &Message) -> Self {
        let all = |name| invite.all(name).map(str::to_owned).collect();
        let one = |name| invite.get(name).map(str::to_owned);
        Self {
            truth: one(TRUTH),
            call_id: invite.call_id().to_owned(),
            from: one("From").unwrap_or_default(),
            uri: invite.uri().to_owned(),
            traceparent: all("traceparent"),
            x_traceparent: all("X-Traceparent"),
            tracestate: all("tracestate"),
            user_to_user: all("User-to-User"),
            conversation: one("x-inin-cnv"),
            referred_by: one("Referred-By"),
            replaces: one("Replaces"),
        }
    }

    /// Whether the trace that it came with is the one that the first call of its chain began with; for callers who begin
    /// traces ([`Plan::traced`](super::callers::Plan::traced)).
    pub fn is_right(&self) -> bool {
        let truth = self.truth.as_deref().filter(|truth| !truth.is_empty());
        truth.zip(self.trace_id()).is_some_and(|(truth, trace)| trace.starts_with(truth))
    }

    /// The one trace that both names tell, or the only one that is told.
    pub fn trace_id(&self) -> Option<&str> {
        // One name with two values is no answer, whatever the other says.
        match (only(&self.traceparent), only(&self.x_traceparent)) {
            (Ok(trace), Ok(other)) => (trace == other).then_some(trace),
            (Ok(trace), Err(true)) | (Err(true), Ok(trace)) => Some(trace),
            _ => None,
        }
    }
}

/// The error says that nothing was there.
fn only(values: &[String]) -> Result<&str, bool> {
    match values {
        [one] => trace_id(one),
        _ => Err(values.is_empty()),
    }
}

/// The trace of a `traceparent` of 55 characters.
fn trace_id(value: &str) -> Result<&str, bool> {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let parts: Vec<_> = value.split('-').collect();
    match parts.as_slice() {
        ["00", trace, parent, flags]
            if [trace.len(), parent.len(), flags.len()] == [32, 16, 2]
                && [trace, parent, flags].iter().all(|part| hex(part)) =>
        {
            Ok(trace)
        }
        _ => Err(false),
    }
}

impl Account {
    pub(super) fn add(&mut self, arrival: Arrival) {
        self.0.push(arrival);
    }

    pub fn arrivals(&self) -> &[Arrival] {
        &self.0
    }

    /// Of each call that came here in a chain of which `first` has the first call.
    pub fn verdicts(&self, first: &Self) -> HashMap<Verdict, usize> {
        let known = first.0.iter().filter_map(|call| Some((call.truth.as_deref()?, call.trace_id()?)));
        let right: HashMap<&str, &str> = known.collect();
        let all: HashSet<&str> = right.values().copied().collect();
        let mut verdicts = HashMap::new();
        // A call that names no chain, as that of somebody who asks a colleague first, is not judged.
        for (call, truth) in self.0.iter().filter_map(|call| Some((call, call.truth.as_deref()?))) {
            let wanted = right.get(truth).copied();
            let verdict = match call.trace_id() {
                None => Verdict::Without,
                Some(trace) if wanted == Some(trace) => Verdict::Right,
                Some(trace) if all.contains(trace) => Verdict::Mislinked,
                Some(_) => Verdict::Fresh,
            };
            *verdicts.entry(verdict).or_default() += 1;
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(truth: &str, trace: Option<char>) -> Arrival {
        let value = |digit: char| format!("00-{}-{}-01", digit.to_string().repeat(32), "b".repeat(16));
        Arrival {
            truth: Some(truth.to_owned()),
            traceparent: trace.map(value).into_iter().collect(),
            ..Arrival::default()
        }
    }

    #[test]
    fn each_chain_has_its_own_right_trace() {
        let first = Account(vec![call("1", Some('1')), call("2", Some('2')), call("3", Some('3'))]);
        let third =
            Account(vec![call("1", Some('1')), call("2", Some('1')), call("3", Some('f')), call("3", None)]);
        let verdicts = third.verdicts(&first);
        for verdict in [Verdict::Right, Verdict::Mislinked, Verdict::Fresh, Verdict::Without] {
            assert_eq!(verdicts.get(&verdict), Some(&1), "{verdict:?}");
        }
    }

    #[test]
    fn two_contexts_are_none() {
        let mut arrival = call("1", Some('1'));
        arrival.x_traceparent = arrival.traceparent.clone();
        assert_eq!(arrival.trace_id(), Some("1".repeat(32).as_str()));
        arrival.x_traceparent = call("1", Some('2')).traceparent;
        assert_eq!(arrival.trace_id(), None);
        arrival.x_traceparent.clear();
        arrival.traceparent.push(arrival.traceparent[0].clone());
        assert_eq!(arrival.trace_id(), None);
        assert_eq!(Arrival { traceparent: vec!["00-1-2-3".into()], ..Arrival::default() }.trace_id(), None);
    }
}
