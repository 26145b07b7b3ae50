//! How things ended: a word for a conversation, an alert, a wait and a consultation.

use crate::fact::{Measure, Says};
use crate::timeline::{Leg, Role, SAME_MS, Timeline};

/// `interaction.outcome`.
pub(super) fn of(timeline: &Timeline<'_>) -> Option<&'static str> {
    let legs = || timeline.legs.iter();
    let talked = |leg: &Leg<'_>| {
        matches!(leg.role, Role::Person | Role::External) && leg.connected.is_some() && !leg.supervises
    };
    if timeline.direction.is_some_and(|word| &**word == "outbound") && !far_end_answered(timeline) {
        return Some("no_answer");
    }
    let called = |leg: &Leg<'_>| leg.said(Says::Media) != Some("callback");
    if legs().any(|leg| talked(leg) && called(leg)) {
        return Some("handled");
    }
    if legs().any(|leg| leg.role == Role::Voicemail && leg.connected.is_some()) {
        return Some("voicemail");
    }
    if legs().any(|leg| leg.role == Role::Person && !called(leg)) {
        return Some("no_answer");
    }
    if legs().any(|leg| leg.role == Role::Queue) {
        return Some("abandoned");
    }
    let customer = timeline.customer()?.said(Says::Disconnect);
    legs().find(|leg| leg.role == Role::Flow)?;
    // The far end of the customer's leg is the flow: `peer` and `system` mean that the flow hung up.
    match customer {
        Some("peer" | "system" | "transfer") => Some("self_service"),
        Some("error" | "transport_failure") => Some("failed"),
        _ => Some("abandoned"),
    }
}

/// Of a call from inside: the customer, or the colleague.
fn far_end_answered(timeline: &Timeline<'_>) -> bool {
    let connected = |roles: &[Role]| {
        let legs = timeline.legs.iter().filter(|leg| roles.contains(&leg.role));
        legs.filter(|leg| leg.connected.is_some()).count()
    };
    match timeline.customer() {
        Some(_) => connected(&[Role::Customer, Role::External]) > 0,
        None => connected(&[Role::Person]) > 1,
    }
}

/// `interaction.alert.outcome`.
pub(super) fn of_alert(leg: &Leg<'_>) -> &'static str {
    if leg.connected.is_some() {
        return "answered";
    }
    let timeout = leg.measured(Measure::AlertingTimeoutMs).and_then(|ms| u64::try_from(ms).ok());
    let rang = leg.end.map_or(0, |end| end - leg.start);
    let until_timeout = timeout.is_some_and(|timeout| rang + 500 >= timeout);
    match leg.said(Says::Disconnect) {
        Some("no_answer_transfer" | "timeout") => "no_answer",
        Some("peer") => "abandoned",
        _ if until_timeout || leg.measured(Measure::NotResponding).is_some() => "no_answer",
        Some("system" | "transfer" | "not_available_transfer") | None => "no_answer",
        _ => "declined",
    }
}

/// `interaction.queue.outcome`.
pub(super) fn of_queue(timeline: &Timeline<'_>, queue: &Leg<'_>) -> &'static str {
    let end = queue.end.unwrap_or(u64::MAX);
    let near = |at: u64| at + SAME_MS >= end && at <= end.saturating_add(SAME_MS);
    let answers = |leg: &Leg<'_>| {
        leg.role == Role::Person && leg.start + SAME_MS >= queue.start && leg.connected.is_some_and(near)
    };
    if timeline.legs.iter().any(answers) {
        return "answered";
    }
    match timeline.customer().and_then(|customer| customer.end) {
        Some(left) if left <= end.saturating_add(SAME_MS) => "abandoned",
        _ => "flow_out",
    }
}

/// `genesys_cloud.consult.outcome`, of one that ended at `end`.
pub(super) fn of_consult(timeline: &Timeline<'_>, leg: &Leg<'_>, end: u64) -> &'static str {
    let by = leg.consulted_by.and_then(|by| timeline.legs.get(by));
    let handed_over = by.is_some_and(|by| by.said(Says::Disconnect) == Some("consult_transfer"));
    let stayed = leg.end.is_none_or(|left| left > end);
    match (handed_over, stayed) {
        (true, true) => "transferred",
        (false, true) => "joined",
        _ => "cancelled",
    }
}
