//! The reason of one condition, in words.

use flow::otlp::view::{Span, Value};
use flow::wire::fields_of;

use super::Said;
use crate::processors::tail_sampling::facts::{Bit, Facts};
use crate::processors::tail_sampling::policy::{Condition, Named, Subject};
use crate::processors::tail_sampling::survey::{Run, facts};
use crate::processors::tail_sampling::watch::Watch;

/// One span as it is pointed at.
pub(super) struct Sight {
    label: String,
    facts: Facts,
}

impl Sight {
    /// The spans of a run.
    pub(super) fn all(run: &Run<'_>, watch: &Watch, now: u64) -> Vec<Self> {
        let service = run.resource.resource().attributes().find(|attribute| attribute.key == "service.name");
        let service = match service.map(|attribute| attribute.value) {
            Some(Value::String(name)) => format!(" of {name}"),
            _ => String::new(),
        };
        let one = |field: flow::wire::Field<'_>| {
            let whole = run.bytes.get(field.start..field.end).unwrap_or_default();
            let label = format!("`{}`{service}", Span::new(field.bytes()).name);
            Self { label, facts: facts(run.resource.0, run.scope.0, whole, watch, now) }
        };
        fields_of(run.bytes, 0..run.bytes.len(), 2).map(one).collect()
    }
}

/// What a policy's condition says; the verdict is that of the condition alone.
pub(super) fn said(named: &Named, subject: &Subject<'_>, sights: &[Sight], watch: &Watch) -> Said {
    let (holds, why) = reason(&named.condition, subject, sights, watch);
    let parts = match &named.condition {
        Condition::All(parts) => parts.iter().map(|part| said(part, subject, sights, watch)).collect(),
        Condition::Not(inner) if !inner.name.is_empty() => vec![said(inner, subject, sights, watch)],
        Condition::Composite(composite) => {
            composite.parts().map(|part| said(&part.policy, subject, sights, watch)).collect()
        }
        _ => Vec::new(),
    };
    let verdict = if holds { "sampled" } else { "not_sampled" };
    Said { name: named.name.to_string(), kind: named.kind, verdict, why, parts }
}

/// Whether a condition holds, and why. Takes nothing from limits: those are taken to have room.
fn reason(condition: &Condition, subject: &Subject<'_>, sights: &[Sight], watch: &Watch) -> (bool, String) {
    let facts = subject.facts;
    match condition {
        Condition::Always => (true, "every trace".to_owned()),
        Condition::Latency { from_ms, to_ms } => latency(facts.duration_ms(), *from_ms, *to_ms),
        Condition::Share(share) => {
            let takes = share.takes(&subject.chosen_by);
            let among = if takes { "is" } else { "is not" };
            (takes, format!("{}% of all ids, and this one {among} among them", share.percentage()))
        }
        Condition::Status(wanted) => status(*wanted, facts, sights),
        Condition::Found { bit, failed } => found(*bit, *failed, facts, sights, watch),
        Condition::SpanCount { min, max } => {
            let holds = facts.spans >= *min && max.is_none_or(|max| facts.spans <= max);
            let upper = max.map(|max| format!(", at most {max}")).unwrap_or_default();
            (holds, format!("{}; at least {min}{upper} are asked for", spans(facts.spans)))
        }
        Condition::SpanRate(_) => (true, format!("{}, if there is room for them", spans(facts.spans))),
        Condition::ByteRate(_) => (true, format!("{} bytes, if there is room for them", facts.bytes)),
        Condition::All(parts) => {
            let no = parts.iter().find(|part| !reason(&part.condition, subject, sights, watch).0);
            match no {
                None => (true, "all of its parts hold".to_owned()),
                Some(part) => (false, format!("`{}` does not hold", part.name)),
            }
        }
        Condition::Not(inner) => {
            let (holds, why) = reason(&inner.condition, subject, sights, watch);
            let named = !inner.name.is_empty();
            let text = if holds { "holds" } else { "does not hold" };
            (!holds, if named { format!("`{}` {text}", inner.name) } else { why })
        }
        Condition::Composite(composite) => {
            let wants =
                composite.parts().find(|part| reason(&part.policy.condition, subject, sights, watch).0);
            match wants {
                Some(part) => {
                    let why = format!(
                        "`{}` wants it, if there is room in its {} spans a second",
                        part.policy.name, part.share
                    );
                    (true, why)
                }
                None => (false, "none of its parts holds".to_owned()),
            }
        }
    }
}

fn spans(count: u32) -> String {
    if count == 1 { "1 span".to_owned() } else { format!("{count} spans") }
}

fn latency(duration: Option<u64>, from_ms: u64, to_ms: Option<u64>) -> (bool, String) {
    let Some(ms) = duration else { return (false, "the spans have no times".to_owned()) };
    match to_ms {
        None => (ms >= from_ms, format!("{ms} ms; at least {from_ms} ms is asked for")),
        Some(to_ms) => {
            let asked = format!("{ms} ms; more than {from_ms} ms and at most {to_ms} ms is asked for");
            (ms > from_ms && ms <= to_ms, asked)
        }
    }
}

fn status(wanted: u8, facts: &Facts, sights: &[Sight]) -> (bool, String) {
    let names = ["UNSET", "OK", "ERROR"].iter().enumerate();
    let names: Vec<_> = names.filter(|(code, _)| wanted >> code & 1 == 1).map(|(_, name)| *name).collect();
    let names = names.join(" or ");
    match sights.iter().find(|sight| sight.facts.statuses & wanted != 0) {
        Some(sight) => (true, format!("the status of {} is {names}", sight.label)),
        None => (facts.statuses & wanted != 0, format!("no span has status {names}")),
    }
}

fn found(bit: Bit, failed: Option<Bit>, facts: &Facts, sights: &[Sight], watch: &Watch) -> (bool, String) {
    let words = watch.words(bit);
    let on = |bit: Bit| sights.iter().find(|sight| sight.facts.hits.has(bit));
    let why = match (on(bit), failed.and_then(on)) {
        (Some(sight), _) => format!("{words} on {}", sight.label),
        (None, Some(sight)) => format!("{words} cannot be answered on {}", sight.label),
        (None, None) => format!("on no span or resource {words}"),
    };
    (facts.hits.has(bit), why)
}
