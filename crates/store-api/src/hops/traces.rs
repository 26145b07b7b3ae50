//! Looks through traces: first each by itself, then for what belongs to other ones.

use std::collections::HashMap;
use std::sync::Arc;

use throughline_context::SpanId;

use super::call::{self, Incoming, Outgoing, Texts, is_incoming, is_outgoing};
use super::guess::Guesses;
use super::tally::{Request, Tally};
use super::{Arrival, Hops, Known, Question, SpanOf};
use crate::analysis::gather::fitting;
use crate::analysis::{Covered, Scope};
use crate::error::StoreError;
use crate::question::Range;
use crate::read::Reader;
use crate::span::Span;

impl Reader<'_> {
    pub(crate) fn hops(&mut self, question: &Question) -> Result<Hops, StoreError> {
        let Question { range, spans, limits, ref service } = *question;
        let scope = Scope { range, spans, limits, ..Scope::default() };
        let (traces, mut covered) = self.candidates_where(&scope, spans, |_| true)?;
        let traces = fitting(traces, spans, &mut covered);
        let mut seen = Traces::new(covered.window(), service.clone());
        self.look_at(traces, &scope, &mut covered, |trace, _| seen.add(trace.spans))?;
        Ok(seen.finish(covered))
    }
}

/// What was seen of requests so far.
pub(super) struct Traces {
    range: Range,
    service: Option<String>,
    texts: Texts,
    tally: Tally,
    outgoing: Vec<Outgoing>,
    /// Those whose caller is not in the same trace.
    astray: Vec<Incoming>,
}

impl Traces {
    /// Of requests that arrived in the range, from or to the service.
    pub(super) fn new(range: Range, service: Option<String>) -> Self {
        Self {
            range,
            service,
            texts: Texts::default(),
            tally: Tally::default(),
            outgoing: Vec::new(),
            astray: Vec::new(),
        }
    }

    /// All spans of one trace.
    pub(super) fn add(&mut self, spans: &[&Arc<Span>]) {
        let first = self.outgoing.len();
        let calls = spans.iter().filter(|span| is_outgoing(span.kind));
        self.outgoing.extend(calls.map(|span| call::outgoing(span, &mut self.texts)));
        let mut own = self.outgoing.split_off(first);
        let by_id: HashMap<SpanId, &Arc<Span>> =
            spans.iter().filter(|span| !is_incoming(span.kind)).map(|span| (span.span_id, *span)).collect();
        let servers: HashMap<SpanId, &Arc<Span>> =
            spans.iter().filter(|span| is_incoming(span.kind)).map(|span| (span.span_id, *span)).collect();
        let places: HashMap<SpanId, usize> =
            own.iter().enumerate().rev().map(|(place, call)| (call.at.span_id, place)).collect();
        let mut orphans = Vec::new();
        for span in spans.iter().filter(|span| is_incoming(span.kind)) {
            // B3: both ends may share one id.
            let shared = by_id.get(&span.span_id).filter(|other| is_outgoing(other.kind));
            let parent = shared.or_else(|| {
                let id = span.parent_span_id?;
                by_id.get(&id).or_else(|| servers.get(&id).filter(|_| id != span.span_id))
            });
            let Some(parent) = parent else {
                orphans.push(call::incoming(span, &mut self.texts));
                continue;
            };
            // Two layers of one server are no hop.
            if parent.resource.service() == span.resource.service() && !is_outgoing(parent.kind) {
                continue;
            }
            if let Some(call) = places.get(&parent.span_id).and_then(|place| own.get_mut(*place)) {
                call.answered = true;
            }
            let request = call::incoming(span, &mut self.texts);
            let arrival = if request.said.joined { Arrival::Joined } else { Arrival::Kept };
            let caller = self.texts.shared(parent.resource.service());
            self.count(
                Request { arrival, known: Known::Parent, caller: Some((call::place(parent), caller)) },
                &request,
            );
        }
        self.place_orphans(orphans, &mut own);
        self.outgoing.append(&mut own);
    }

    /// Those without a parent in their own trace.
    fn place_orphans(&mut self, orphans: Vec<Incoming>, own: &mut [Outgoing]) {
        let (orphans, roots): (Vec<_>, Vec<_>) =
            orphans.into_iter().partition(|request| request.parent.is_some() && !request.said.restarted);
        self.astray.extend(roots);
        if orphans.is_empty() {
            return;
        }
        let guesses = Guesses::new(own);
        for request in orphans {
            let caller = if request.said.joined { None } else { guesses.within(&request, own) };
            let seen = match caller {
                Some(caller) => {
                    Request { arrival: Arrival::Reparented, known: Known::Guess, caller: Some(caller) }
                }
                None if request.said.joined => {
                    Request { arrival: Arrival::Joined, known: Known::Not, caller: None }
                }
                None => Request { arrival: Arrival::Orphaned, known: Known::Not, caller: None },
            };
            self.count(seen, &request);
        }
    }

    fn count(&mut self, seen: Request, request: &Incoming) {
        let asked = self.service.as_deref().is_none_or(|asked| {
            *request.end.service == *asked
                || seen.caller.as_ref().is_some_and(|(_, caller)| **caller == *asked)
        });
        if asked && self.range.contains(request.end.start_ns) {
            self.tally.count(seen, request);
        }
    }

    pub(super) fn finish(mut self, covered: Covered) -> Hops {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        let mut astray = std::mem::take(&mut self.astray);
        astray.sort_by_key(|request| request.end.start_ns);
        let by_place: HashMap<SpanOf, usize> =
            outgoing.iter().enumerate().map(|(number, call)| (call.at, number)).collect();
        // What is known goes before what is guessed, so that no guess takes a caller from the callee that names it.
        let mut unnamed = Vec::new();
        for request in astray {
            let links = request.said.links.iter().map(|link| (Known::Link, *link));
            let header = request.said.named().map(|place| (Known::Header, place));
            let named = links.chain(header).find_map(|(known, place)| Some((known, *by_place.get(&place)?)));
            let Some((known, call)) = named.and_then(|(known, at)| Some((known, outgoing.get_mut(at)?)))
            else {
                unnamed.push(request);
                continue;
            };
            call.answered = true;
            let caller = Some((call.at, Arc::clone(&call.end.service)));
            self.count(Request { arrival: Arrival::Restarted, known, caller }, &request);
        }
        let guesses = Guesses::new(&outgoing);
        for request in unnamed {
            let received = request.said.restarted || request.said.raw.is_some();
            let arrival = if received { Arrival::Restarted } else { Arrival::Absent };
            match guesses.among(&request, &mut outgoing) {
                Some(caller) => {
                    self.count(Request { arrival, known: Known::Guess, caller: Some(caller) }, &request)
                }
                None if received => {
                    self.count(Request { arrival, known: Known::Not, caller: None }, &request)
                }
                // Nothing says that there was a caller with a trace: this is where the trace begins.
                None => {}
            }
        }
        Hops { edges: self.tally.edges(), covered }
    }
}
