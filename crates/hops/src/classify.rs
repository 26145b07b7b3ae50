//! Compares what was sent with what the echo saw. Total on any answer.

use throughline_context::Traceparent;

use crate::field::Field;
use crate::outcome::Outcome;
use crate::probe::{About, BAGGAGE, Mark, Probe, Protocol, TRACEPARENT, TRACESTATE, X_TRACEPARENT};
use crate::seen::Seen;
use crate::verdict::{How, Verdict};

/// What stands for the request itself where a header's name stands otherwise.
pub const REQUEST: &str = "request";

/// A verdict for every header of the probe, in the order sent; for the request where it did not come through.
pub fn classify(probe: &Probe, mark: Mark, outcome: &Outcome) -> Vec<(String, Verdict)> {
    let (answer, seen) = match outcome {
        Outcome::Echoed(answer, seen) => (answer, seen),
        Outcome::Foreign(answer) => return vec![(REQUEST.into(), Verdict::Refused(Some(answer.status)))],
        _ => return vec![(REQUEST.into(), Verdict::Refused(None))],
    };
    let mut verdicts = Vec::new();
    if !answer.native && matches!(probe.protocol, Protocol::WebSocket | Protocol::Grpc) {
        verdicts.push((REQUEST.to_owned(), Verdict::Downgraded));
    }
    let fields: Vec<Field> = probe.fields(mark).into_iter().filter(|field| !field.is("connection")).collect();
    let mut names: Vec<String> = Vec::new();
    for name in fields.iter().map(|field| field.name.to_ascii_lowercase()) {
        if !names.contains(&name) {
            verdicts.push((name.clone(), header(&name, &fields, seen)));
            names.push(name);
        }
    }
    if probe.protocol.is_sip() {
        alias(&mut verdicts);
    }
    for name in [TRACEPARENT, X_TRACEPARENT, TRACESTATE] {
        let is_there = || seen.fields.iter().any(|field| field.is(name));
        if probe.about == About::Bare && is_there() {
            verdicts.push((name.to_owned(), Verdict::Added));
        }
    }
    verdicts
}

/// Of two names for one value, one is enough.
fn alias(verdicts: &mut [(String, Verdict)]) {
    let of = |verdicts: &[(String, Verdict)], name: &str| {
        verdicts.iter().find(|(header, _)| header == name).map(|&(_, verdict)| verdict)
    };
    for (name, other) in [(TRACEPARENT, X_TRACEPARENT), (X_TRACEPARENT, TRACEPARENT)] {
        let carried = of(verdicts, name) == Some(Verdict::Stripped)
            && of(verdicts, other).is_some_and(|other| other.keeps() && other != Verdict::Alias);
        if let Some((_, verdict)) = verdicts.iter_mut().find(|(header, _)| carried && header == name) {
            *verdict = Verdict::Alias;
        }
    }
}

fn header(name: &str, fields: &[Field], seen: &Seen) -> Verdict {
    let sent: Vec<&Field> = fields.iter().filter(|field| field.is(name)).collect();
    let came: Vec<&Field> = seen.fields.iter().filter(|field| field.is(name)).collect();
    let values = |fields: &[&Field]| fields.iter().map(|field| field.value().to_owned()).collect::<Vec<_>>();
    let verdict = match (name, values(&sent), values(&came)) {
        (_, _, came) if came.is_empty() => Verdict::Stripped,
        (_, sent, came) if sent == came => Verdict::Passed,
        (TRACEPARENT | X_TRACEPARENT, sent, came) if name == TRACEPARENT || sip(seen) => {
            traceparent(&sent, &came)
        }
        (TRACESTATE | BAGGAGE, sent, came) => list(&sent, &came),
        (_, sent, came) if came.len() > sent.len() && sent.iter().all(|value| came.contains(value)) => {
            Verdict::Duplicated
        }
        _ => Verdict::Altered(How::Value),
    };
    // HTTP/2 knows lower case alone: there it says nothing about the hop.
    let case = || sent.iter().zip(&came).any(|(sent, came)| sent.name != came.name);
    if verdict == Verdict::Passed && seen.protocol != "HTTP/2" && case() {
        return Verdict::Altered(How::Case);
    }
    verdict
}

/// Elsewhere `x-traceparent` is a header like any other.
fn sip(seen: &Seen) -> bool {
    seen.protocol == crate::sip::VERSION
}

fn traceparent(sent: &[String], came: &[String]) -> Verdict {
    let joined: Vec<&str> = came.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    match (sent, came) {
        ([own], [_, ..]) if joined.len() > 1 => {
            if joined.contains(&own.as_str()) {
                Verdict::Duplicated
            } else {
                Verdict::Restarted
            }
        }
        ([own], [came]) => one_traceparent(own, came),
        (several, [_]) if joined == *several => Verdict::Altered(How::Merged),
        (several, [one]) if several.contains(one) => Verdict::Altered(How::Cut),
        (several, [one]) => several.first().map_or(Verdict::Restarted, |own| one_traceparent(own, one)),
        _ => Verdict::Altered(How::Value),
    }
}

fn one_traceparent(sent: &str, came: &str) -> Verdict {
    let parse = |text: &str| Traceparent::from_bytes(text.as_bytes()).ok();
    match (parse(sent), parse(came)) {
        (_, None) => Verdict::Altered(How::Value),
        (None, Some(_)) => Verdict::Restarted,
        (Some(sent), Some(came)) if sent.trace_id != came.trace_id => Verdict::Restarted,
        (Some(sent), Some(came)) => {
            let is_cleared = sent.is_sampled() && !came.is_sampled();
            match sent.parent_id == came.parent_id {
                // Whoever makes a span of its own may start to sample, but not leave a hole in what is sampled.
                false if is_cleared => Verdict::Altered(How::Sampled),
                false => Verdict::Reparented,
                true if sent.is_sampled() != came.is_sampled() => Verdict::Altered(How::Sampled),
                true if sent.flags != came.flags => Verdict::Altered(How::Flags),
                true => Verdict::Altered(How::Value),
            }
        }
    }
}

/// Headers whose lines and members make up one list.
fn list(sent: &[String], came: &[String]) -> Verdict {
    let (had, has) = (members(sent), members(came));
    let count = |list: &[&str], member: &str| list.iter().filter(|other| **other == member).count();
    let holds = |list: &[&str], times: &dyn Fn(usize, usize) -> bool| {
        list.iter().all(|member| times(count(&had, member), count(&has, member)))
    };
    if had == has {
        return if came.len() < sent.len() { Verdict::Altered(How::Merged) } else { Verdict::Passed };
    }
    if has.is_empty() {
        return Verdict::Stripped;
    }
    if holds(&has, &|had, has| had == has) && holds(&had, &|had, has| had == has) {
        return Verdict::Altered(How::Reordered);
    }
    if holds(&has, &|had, has| has <= had) {
        return Verdict::Altered(How::Cut);
    }
    if holds(&had, &|had, has| has > had) {
        return Verdict::Duplicated;
    }
    if holds(&had, &|had, has| has == had) {
        return Verdict::Altered(How::MembersAdded);
    }
    Verdict::Altered(How::Value)
}

fn members(lines: &[String]) -> Vec<&str> {
    lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty()).collect()
}

#[cfg(test)]
mod tests;
