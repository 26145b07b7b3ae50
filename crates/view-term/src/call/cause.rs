//! Why a span stands where trace context did not put it, and what can be done about it.

use super::model::{Model, Node};
use super::parents::Placement;
use crate::time::SECOND;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Lost,
    Refused,
    Rewritten,
    Late,
    Missing,
    Cycle,
    /// A trace of its own that no call waited for.
    Own,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Rewritten => "rewritten",
            Self::Late => "late",
            Self::Missing => "missing",
            Self::Cycle => "cycle",
            Self::Own => "own",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Lost | Self::Own => "new trace, rejoined",
            Self::Refused => "context refused, rejoined",
            Self::Rewritten => "parent rewritten",
            Self::Late => "parent not here yet",
            Self::Missing => "parent missing",
            Self::Cycle => "parents in a circle",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cause<'a> {
    pub(super) kind: Kind,
    /// The caller, where it is known or guessed.
    pub(super) from: Option<&'a str>,
    pub(super) service: &'a str,
}

/// Spans of one call come within this time, as a rule.
const LATE: u64 = 120 * SECOND;

/// `now_ns` decides whether a missing parent may still come.
pub(super) fn cause<'a>(model: &Model<'a>, node: &Node<'a>, now_ns: u64) -> Option<Cause<'a>> {
    let from = caller(model, node);
    let refused = node.span.text("throughline.context.decision") == Some("restart");
    let ended = model.start_ns.saturating_add(node.end);
    let kind = match (node.placement?, from) {
        (Placement::Cycle, _) => Kind::Cycle,
        (Placement::Rejoined, _) if refused => Kind::Refused,
        (Placement::Rejoined, Some(_)) => Kind::Lost,
        (Placement::Rejoined, None) => Kind::Own,
        (Placement::Orphan, Some(_)) => Kind::Rewritten,
        (Placement::Orphan, None) if now_ns.saturating_sub(ended) < LATE => Kind::Late,
        (Placement::Orphan, None) => Kind::Missing,
    };
    Some(Cause { kind, from, service: &node.span.service })
}

/// The call that waited for this answer, as far as a span tells.
fn caller<'a>(model: &Model<'a>, node: &Node<'a>) -> Option<&'a str> {
    let parent = &model.nodes[node.parent?];
    let asks = ["client", "producer"].contains(&parent.span.kind.as_str());
    (asks && parent.span.service != node.span.service).then_some(parent.span.service.as_str())
}

impl Cause<'_> {
    pub(super) fn mend(&self) -> Option<String> {
        let service = self.service;
        let from = self.from.unwrap_or("its caller");
        Some(match self.kind {
            Kind::Late | Kind::Own => return None,
            Kind::Lost => format!(
                "Pass traceparent and tracestate on from {from} to {service}, also through proxies in between; then let \
                 {service} continue them."
            ),
            Kind::Refused => format!("Let {service} trust {from}, or mend what {from} sends."),
            Kind::Rewritten => format!(
                "Find the proxy or mesh between {from} and {service}: let it export its spans here too, or pass \
                 traceparent on unchanged."
            ),
            Kind::Missing => {
                format!(
                    "Ask who calls {service}: let that service send its spans here, and sample by the parent’s decision."
                )
            }
            Kind::Cycle => format!("Look at how {service} sets the parent of its spans."),
        })
    }
}

/// Each place at which context was lost, with how often.
pub(super) fn lost<'a>(model: &Model<'a>, now_ns: u64) -> Vec<(Cause<'a>, usize)> {
    let mut found: Vec<(Cause<'a>, usize)> = Vec::new();
    let causes = model.drawn().filter_map(|node| cause(model, node, now_ns));
    for cause in causes.filter(|cause| !matches!(cause.kind, Kind::Late | Kind::Own)) {
        match found.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, count)) => *count += 1,
            None => found.push((cause, 1)),
        }
    }
    found
}

/// How much of the record is where trace context put it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Completeness {
    /// 0 to 100, whole only where nothing is amiss.
    pub(super) percent: usize,
    pub(super) rejoined: usize,
    pub(super) without_parent: usize,
}

impl Completeness {
    pub(super) fn of(model: &Model<'_>, truncated: bool) -> Self {
        let count = |rejoined: bool| {
            let off = model.nodes.iter().filter_map(|node| node.placement);
            off.filter(|placement| (*placement == Placement::Rejoined) == rejoined).count()
        };
        let (rejoined, without_parent, all) = (count(true), count(false), model.nodes.len());
        let share = ((all - rejoined - without_parent) * 100).checked_div(all).unwrap_or(100);
        Self { percent: if truncated { share.min(99) } else { share }, rejoined, without_parent }
    }

    pub(super) fn words(self, running: bool, truncated: bool) -> String {
        let words = [
            (self.rejoined > 0, format!("{} rejoined", self.rejoined)),
            (self.without_parent > 0, format!("{} without parent", self.without_parent)),
            (running, "still running".to_owned()),
            (truncated, "cut off".to_owned()),
        ];
        let said: Vec<String> = words.into_iter().filter(|(so, _)| *so).map(|(_, words)| words).collect();
        if said.is_empty() { "every parent is here".to_owned() } else { said.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Span;
    use crate::testing::{START, Sketch, span};

    #[test]
    fn each_cause_has_its_sign() {
        let call = || span("call", 1.0, 8.0).below("action").kind("client").service("middleware");
        let action = || span("action", 0.0, 9.0).stage("action");
        let served = || span("crm", 2.0, 7.0).service("crm").kind("server");
        let later = START + 3600 * SECOND;
        for (sketches, now, wanted) in [
            (vec![action(), call(), served().trace("u")], later, "lost from middleware"),
            (
                vec![action(), call(), served().trace("u").with("throughline.context.decision", "restart")],
                later,
                "refused from middleware",
            ),
            (vec![action(), call(), served().below("proxy")], later, "rewritten from middleware"),
            (vec![action(), served().trace("u")], later, "own"),
            (vec![action(), served().below("gone")], later, "missing"),
            (vec![action(), served().below("gone")], START + 20 * SECOND, "late"),
            (vec![span("b", 2.0, 3.0).below("c"), span("c", 2.0, 4.0).below("b")], later, "cycle"),
        ] {
            let spans: Vec<Span> = sketches.iter().map(Sketch::span).collect();
            let model = Model::of(&spans);
            let found = model.drawn().find_map(|node| cause(&model, node, now)).unwrap();
            let from = found.from.map(|from| format!(" from {from}")).unwrap_or_default();
            assert_eq!(format!("{}{from}", found.kind.name()), wanted);
            assert_eq!(found.mend().is_none(), ["own", "late"].contains(&wanted));
            assert_eq!(lost(&model, now).len(), usize::from(found.mend().is_some()));
        }
    }
}
