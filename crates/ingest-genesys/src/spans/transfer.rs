//! Hand-overs by people: from when the agent leaves until the next leg is there.

use super::Writer;
use crate::fact::Says;
use crate::span::{Link, Span};
use crate::timeline::{Leg, Role, SAME_MS, Timeline};
use flow::Stage;

/// Longest time until the next leg begins.
const LONGEST_MS: u64 = 30_000;

pub(super) struct Transfer {
    kind: &'static str,
    start: u64,
    /// The leg that goes on, by its place.
    to: Option<usize>,
    end: Option<u64>,
}

/// The hand-over with which a leg ended, if it did. What the platform does by itself, from flow to queue and from queue
/// to agent, is none.
pub(super) fn of(timeline: &Timeline<'_>, nth: usize) -> Option<Transfer> {
    let leg = timeline.legs.get(nth).filter(|leg| leg.role == Role::Person)?;
    let (connected, start) = (leg.connected?, leg.end?);
    let kind = match leg.said(Says::Disconnect)? {
        "transfer" => "blind",
        "consult_transfer" => "consult",
        "conference_transfer" => "conference",
        "forward_transfer" => "forward",
        _ => return None,
    };
    let goes_on = |one: &Leg<'_>| {
        let human = !matches!(one.role, Role::Customer | Role::Other) && !one.supervises;
        human && one.start > connected && one.end.is_none_or(|end| end > start)
    };
    let distance = |one: &Leg<'_>| {
        let near = [Some(one.start), one.connected].into_iter().flatten().map(|at| at.abs_diff(start));
        near.min().unwrap_or(u64::MAX)
    };
    let candidates = timeline.legs.iter().enumerate().filter(|(other, one)| *other != nth && goes_on(one));
    let to = if kind == "consult" {
        let asked = |one: &Leg<'_>| one.consulted_by == Some(nth) && one.is_connected_at(start);
        candidates.clone().find(|(_, one)| asked(one)).or_else(|| {
            candidates.clone().filter(|(_, one)| one.is_open_at(start)).min_by_key(|(_, one)| distance(one))
        })
    } else {
        let near = candidates.filter(|(_, one)| {
            one.start + SAME_MS >= start && one.start <= start + LONGEST_MS
                || one.connected.is_some_and(|at| at.abs_diff(start) < SAME_MS)
        });
        near.min_by_key(|(_, one)| (distance(one), one.start))
    };
    let arrives = to.map(|(_, one)| one.start.max(start));
    let end = arrives.or(timeline.end.map(|_| start));
    Some(Transfer { kind, start, to: to.map(|(to, _)| to), end })
}

impl Writer<'_> {
    pub(super) fn transfer(&self, leg: &Leg<'_>, transfer: &Transfer) -> Span {
        let mut span = self.stage(leg, Stage::Transfer, 0, (transfer.start, transfer.end));
        span.word("genesys_cloud.transfer.type", transfer.kind);
        if let Some(to) = transfer.to.and_then(|to| self.timeline.legs.get(to)) {
            let destination = match to.role {
                Role::Queue => "queue",
                Role::Flow => "flow",
                Role::External => "number",
                Role::Voicemail => "voicemail",
                _ => "agent",
            };
            span.word("genesys_cloud.transfer.destination", destination);
            let id = self.id(to, None, 0);
            span.links.push(Link { trace_id: self.context.trace, span_id: id, kind: "transfer" });
        }
        span
    }
}
