//! The caller of a request by time and address.

use std::collections::HashMap;
use std::sync::Arc;

use super::SpanOf;
use super::call::{End, Incoming, Outgoing};

/// How far the clocks of two machines may be apart.
const SKEW_NS: u64 = 1_000_000_000;
/// By how much the callee's span may be the longer one, since clocks are not exact.
const LONGER_NS: u64 = 5_000_000;
/// Callers looked at for one request.
const MOST: usize = 2_000;

/// Callers without a callee, by the host that they name and in the order of their start.
pub(super) struct Guesses {
    hosts: HashMap<Option<Arc<str>>, Vec<(u64, usize)>>,
    /// The longest call: none that started earlier than this before a request can be its caller.
    longest_ns: u64,
}

impl Guesses {
    pub(super) fn new(outgoing: &[Outgoing]) -> Self {
        let mut hosts: HashMap<Option<Arc<str>>, Vec<(u64, usize)>> = HashMap::new();
        let mut longest_ns = 0;
        for (number, call) in outgoing.iter().enumerate().filter(|(_, call)| !call.answered) {
            longest_ns = longest_ns.max(call.end.end_ns - call.end.start_ns);
            hosts.entry(call.end.host.clone()).or_default().push((call.end.start_ns, number));
        }
        hosts.values_mut().for_each(|calls| calls.sort_unstable());
        Self { hosts, longest_ns }
    }

    /// The call of the same trace that was under way.
    pub(super) fn within(
        &mut self,
        request: &Incoming,
        outgoing: &mut [Outgoing],
    ) -> Option<(SpanOf, Arc<str>)> {
        let all: Vec<usize> = self.hosts.values().flatten().take(MOST).map(|(_, number)| *number).collect();
        take(request, all.into_iter(), outgoing, |_| true)
    }

    /// The call of another trace that was under way and names the same address.
    pub(super) fn among(
        &mut self,
        request: &Incoming,
        outgoing: &mut [Outgoing],
    ) -> Option<(SpanOf, Arc<str>)> {
        let host = request.end.host.as_ref()?;
        let calls = self.hosts.get(&Some(Arc::clone(host)))?;
        let last = calls.partition_point(|(start, _)| *start <= request.end.start_ns.saturating_add(SKEW_NS));
        let earliest = request.end.start_ns.saturating_sub(self.longest_ns.saturating_add(SKEW_NS));
        let near = calls.get(..last)?.iter().rev().take_while(|(start, _)| *start >= earliest).take(MOST);
        take(request, near.map(|(_, number)| *number), outgoing, |call| call.meets(&request.end))
    }
}

/// Of those that fit, the one whose time is the tightest around the request.
fn take(
    request: &Incoming,
    numbers: impl Iterator<Item = usize>,
    outgoing: &mut [Outgoing],
    fits: impl Fn(&End) -> bool,
) -> Option<(SpanOf, Arc<str>)> {
    let best = numbers
        .filter_map(|number| Some((number, outgoing.get(number)?)))
        .filter(|(_, call)| !call.answered && call.end.agrees(&request.end) && fits(&call.end))
        .filter_map(|(number, call)| Some((room(&call.end, &request.end)?, number)))
        .min()?;
    let call = outgoing.get_mut(best.1)?;
    call.answered = true;
    Some((call.at, Arc::clone(&call.end.service)))
}

/// How much time of the call is left around the request; `None` where the request was not within the call.
fn room(call: &End, request: &End) -> Option<u64> {
    let before = request.start_ns.saturating_add(SKEW_NS) >= call.start_ns;
    let after = request.end_ns <= call.end_ns.saturating_add(SKEW_NS);
    let (outer, inner) = (call.end_ns - call.start_ns, request.end_ns.saturating_sub(request.start_ns));
    let fits = before && after && inner <= outer.saturating_add(LONGER_NS);
    fits.then(|| call.start_ns.abs_diff(request.start_ns) + call.end_ns.abs_diff(request.end_ns))
}
