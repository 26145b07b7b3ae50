//! What became of calls, by what arrived and by the spans that came out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result};
use sim::sink::Sink;
use sim::sip::callers::Tally;
use sim::sip::{Account, Verdict};

use crate::span::{Span, kept};

const EDGE: &str = "sip-edge";
const PROBE: &str = "sip-probe";
/// Spans of a call come when it is over and what is late can no longer come.
const SPANS_WITHIN: Duration = Duration::from_secs(30);

/// What became of a scene's calls.
#[derive(Debug)]
pub struct Outcome {
    pub tally: Tally,
    /// Messages that callers sent again.
    pub resent: u64,
    /// Of the calls that reached the third party, by the headers that arrived there.
    pub arrived: HashMap<Verdict, usize>,
    /// Of the same calls, by their spans.
    pub spans: HashMap<Verdict, usize>,
    /// Calls of which a span tells.
    pub calls: usize,
    pub kept: Vec<Span>,
    /// Those of the receiver `hep`.
    pub heard: Vec<Span>,
}

impl Outcome {
    pub(super) async fn of(
        tally: Tally,
        resent: u64,
        [second, third]: [Account; 2],
        sink: &Sink,
        heard: bool,
    ) -> Result<Self> {
        let all = second.arrivals().iter().chain(third.arrivals());
        let all: HashSet<&str> = all.map(|call| call.call_id.as_str()).collect();
        let missing = |told: &HashMap<_, _>| all.iter().filter(|call| !told.contains_key(**call)).count();
        let kept = until(sink, missing).await?;
        let heard = if heard { until_by(PROBE, sink, missing).await? } else { Vec::new() };
        let traces = traces(&kept);
        Ok(Self {
            tally,
            resent,
            arrived: third.verdicts(&second),
            spans: verdicts(&traces, &second, &third),
            calls: traces.len(),
            kept,
            heard,
        })
    }
}

/// Waits until no call is missing among those of which a span of the edge tells.
pub(super) async fn until(
    sink: &Sink,
    missing: impl Fn(&HashMap<String, String>) -> usize,
) -> Result<Vec<Span>> {
    until_by(EDGE, sink, missing).await
}

async fn until_by(
    service: &str,
    sink: &Sink,
    missing: impl Fn(&HashMap<String, String>) -> usize,
) -> Result<Vec<Span>> {
    loop {
        let before = sink.spans();
        let mut kept = kept(sink);
        kept.retain(|span| span.service() == service);
        let missing = missing(&traces(&kept));
        if missing == 0 {
            return Ok(kept);
        }
        let more = sink.wait_for(before + 1, SPANS_WITHIN).await;
        more.with_context(|| format!("{missing} calls have no span"))?;
    }
}

/// The trace of each call, by its Call-ID.
fn traces(kept: &[Span]) -> HashMap<String, String> {
    let calls = kept.iter().filter(|span| span.name == "SIP call");
    calls.filter_map(|span| Some((span.text("sip.call_id")?.to_owned(), span.trace_id.clone()))).collect()
}

fn verdicts(traces: &HashMap<String, String>, second: &Account, third: &Account) -> HashMap<Verdict, usize> {
    let of = |account: &Account| -> Vec<(String, Option<String>)> {
        let calls = account.arrivals().iter();
        calls.filter_map(|call| Some((call.truth.clone()?, traces.get(&call.call_id).cloned()))).collect()
    };
    let first: HashMap<_, _> = of(second).into_iter().collect();
    let all: HashSet<_> = first.values().flatten().collect();
    let mut verdicts = HashMap::new();
    for (truth, trace) in of(third) {
        let verdict = match &trace {
            None => Verdict::Without,
            trace if first.get(&truth) == Some(trace) => Verdict::Right,
            Some(trace) if all.contains(trace) => Verdict::Mislinked,
            Some(_) => Verdict::Fresh,
        };
        *verdicts.entry(verdict).or_default() += 1;
    }
    verdicts
}
