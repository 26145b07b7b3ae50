//! Policies as configured: names, types, nesting.

use std::sync::Arc;

use flow::config::{Finding, Node, Severity, closest};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::kinds;
use crate::processors::tail_sampling::facts::Hits;
use crate::processors::tail_sampling::policy::{Composite, Condition, Named, Part, Policies, Policy};
use crate::processors::tail_sampling::watch::Watch;

/// Types that can stand anywhere, with the block of settings that each has.
pub(super) const SHARED: [&str; 13] = [
    "always_sample",
    "latency",
    "numeric_attribute",
    "probabilistic",
    "status_code",
    "string_attribute",
    "boolean_attribute",
    "rate_limiting",
    "bytes_limiting",
    "span_count",
    "trace_state",
    "trace_flags",
    "ottl_condition",
];

/// Where a policy stands decides what it can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    And,
    Not,
    Drop,
    Composite,
}

impl Place {
    /// The types beside the shared ones.
    fn more(self) -> &'static [&'static str] {
        match self {
            Self::Top => &["and", "not", "drop", "composite"],
            Self::And | Self::Drop => &["not"],
            Self::Not => &[],
            Self::Composite => &["and", "not"],
        }
    }
}

/// The keys of a policy; the blocks are read where the type is known.
#[derive(Deserialize, Default)]
#[serde(default)]
#[rustfmt::skip]
struct Raw {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "latency")] _latency: IgnoredAny,
    #[serde(rename = "numeric_attribute")] _numeric: IgnoredAny,
    #[serde(rename = "probabilistic")] _probabilistic: IgnoredAny,
    #[serde(rename = "status_code")] _status: IgnoredAny,
    #[serde(rename = "string_attribute")] _string: IgnoredAny,
    #[serde(rename = "boolean_attribute")] _boolean: IgnoredAny,
    #[serde(rename = "rate_limiting")] _rate: IgnoredAny,
    #[serde(rename = "bytes_limiting")] _bytes: IgnoredAny,
    #[serde(rename = "span_count")] _count: IgnoredAny,
    #[serde(rename = "trace_state")] _state: IgnoredAny,
    #[serde(rename = "ottl_condition")] _ottl: IgnoredAny,
    #[serde(rename = "and")] _and: IgnoredAny,
    #[serde(rename = "not")] _not: IgnoredAny,
    #[serde(rename = "drop")] _drop: IgnoredAny,
    #[serde(rename = "composite")] _composite: IgnoredAny,
}

/// The policies under `policies`; those that something is wrong with are left out.
pub(super) fn read(list: &Node, sample_on_first_match: bool, findings: &mut Vec<Finding>) -> Policies {
    let mut reader = Reader { watch: Watch::default(), findings };
    let named = reader.list(list, Place::Top);
    if reader.watch.bits() > Hits::MOST {
        let message = format!("these policies look for {} different things on spans", reader.watch.bits());
        reader.findings.push(
            Finding::error(list, message)
                .help(format!("at most {} are possible; join values of one key in one policy", Hits::MOST)),
        );
    }
    let watch = reader.watch;
    let policy = |named: Named| Policy { drops: named.kind == "drop", named };
    Policies { list: named.into_iter().map(policy).collect(), watch, sample_on_first_match }
}

pub(super) struct Reader<'f> {
    pub(super) watch: Watch,
    pub(super) findings: &'f mut Vec<Finding>,
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, at: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::error(at, message).help(help));
    }

    pub(super) fn advise(&mut self, at: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::advice(at, message).help(help));
    }

    fn list(&mut self, list: &Node, place: Place) -> Vec<Named> {
        let mut named: Vec<Named> = Vec::new();
        for item in list.items() {
            let Some(policy) = self.policy(item, place) else { continue };
            if named.iter().any(|known| known.name == policy.name) {
                let at = item.get("name").unwrap_or(item);
                self.wrong(
                    at,
                    format!("there are two policies `{}`", policy.name),
                    "names tell policies apart in metrics and explanations",
                );
            }
            named.push(policy);
        }
        named
    }

    fn policy(&mut self, item: &Node, place: Place) -> Option<Named> {
        let (raw, findings) = item.check::<Raw>();
        let sound = findings.iter().all(|finding| finding.severity != Severity::Error);
        self.findings.extend(findings);
        let raw = raw.filter(|_| sound)?;
        if raw.name.is_empty() {
            self.wrong(item, "a policy needs a `name`", "it stands in metrics and explanations");
        }
        let known = || SHARED.iter().chain(place.more()).copied();
        let Some(kind) = known().find(|kind| *kind == raw.kind) else {
            self.unknown(item, &raw.kind, known().collect());
            return None;
        };
        self.unused(item, kind);
        let condition = self.condition(item, kind)?;
        Some(Named { name: Arc::from(raw.name), kind, condition })
    }

    fn unknown(&mut self, item: &Node, kind: &str, mut known: Vec<&'static str>) {
        let at = item.get("type").unwrap_or(item);
        let help = match closest(kind, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                known.sort_unstable();
                format!("the types that can stand here are {}", known.join(", "))
            }
        };
        let message = match kind {
            "" => "a policy needs a `type`".to_owned(),
            kind => format!("unknown type of policy `{kind}`"),
        };
        self.wrong(at, message, help);
    }

    /// Settings of another type mean that one of the two is a mistake.
    fn unused(&mut self, item: &Node, kind: &str) {
        for (key, node) in item.entries() {
            let named = ["name", "type", kind].contains(&key.name.as_str());
            if !named && !node.is_null() {
                let message = format!("a policy of type `{kind}` does not use `{}`", key.name);
                self.wrong(node, message, format!("remove it, or write `type: {}`", key.name));
            }
        }
    }

    fn condition(&mut self, item: &Node, kind: &'static str) -> Option<Condition> {
        let block = item.get(kind);
        if matches!(kind, "always_sample" | "trace_flags") {
            return Some(if kind == "trace_flags" { self.found_flags() } else { Condition::Always });
        }
        let Some(block) = block.filter(|block| !block.is_null()) else {
            self.wrong(
                item,
                format!("a policy of type `{kind}` needs a block `{kind}`"),
                kinds::example(kind),
            );
            return None;
        };
        match kind {
            "and" => self.nested(block, "and_sub_policy", Place::And).map(Condition::All),
            "drop" => self.nested(block, "drop_sub_policy", Place::Drop).map(Condition::All),
            "not" => {
                self.only(block, &["not_sub_policy"]);
                let Some(inner) = block.get("not_sub_policy") else {
                    self.wrong(block, "`not` needs `not_sub_policy`", kinds::example("not"));
                    return None;
                };
                Some(Condition::Not(Box::new(self.policy(inner, Place::Not)?)))
            }
            "composite" => self.composite(block),
            kind => self.shared(block, kind),
        }
    }

    fn nested(&mut self, block: &Node, key: &str, place: Place) -> Option<Vec<Named>> {
        self.only(block, &[key]);
        let list = block.get(key).unwrap_or(block);
        let before = self.errors();
        let parts = self.list(list, place);
        if parts.is_empty() && self.errors() == before {
            self.wrong(list, format!("`{key}` has no policy"), "list at least one");
        }
        (self.errors() == before).then_some(parts)
    }

    fn only(&mut self, block: &Node, known: &[&str]) {
        for (key, node) in block.entries() {
            if !known.contains(&key.name.as_str()) {
                self.findings.push(Finding::unknown_key(key, &node.path, known));
            }
        }
    }

    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawComposite {
    max_total_spans_per_second: u64,
    policy_order: Vec<String>,
    #[serde(rename = "composite_sub_policy")]
    _parts: Vec<IgnoredAny>,
    rate_allocation: Vec<Allocation>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Allocation {
    policy: String,
    percent: u64,
}

impl Reader<'_> {
    fn composite(&mut self, block: &Node) -> Option<Condition> {
        let (raw, findings) = block.check::<RawComposite>();
        self.findings.extend(findings);
        let raw = raw?;
        let list = block.get("composite_sub_policy").unwrap_or(block);
        let before = self.errors();
        let mut parts = self.list(list, Place::Composite);
        if parts.is_empty() && self.errors() == before {
            self.wrong(list, "`composite_sub_policy` has no policy", "list at least one");
        }
        if raw.max_total_spans_per_second == 0 {
            let at = block.get("max_total_spans_per_second").unwrap_or(block);
            self.wrong(
                at,
                "`max_total_spans_per_second` is required",
                "with 0, nothing would ever be sampled",
            );
        }
        self.names(block, &raw, &parts);
        self.order(block, &raw, &mut parts);
        if self.errors() > before {
            return None;
        }
        let total = raw.max_total_spans_per_second;
        let equal = total / parts.len().max(1) as u64;
        let share = |policy: &Named| match raw.rate_allocation.iter().find(|one| one.policy == *policy.name) {
            Some(Allocation { percent: 0, .. }) => equal,
            Some(Allocation { percent, .. }) => total.saturating_mul(*percent) / 100,
            None => total,
        };
        let parts = parts.into_iter().map(|policy| Part { share: share(&policy), policy }).collect();
        Some(Condition::Composite(Composite::new(total, parts)))
    }

    /// Names that mean none of the parts.
    fn names(&mut self, block: &Node, raw: &RawComposite, parts: &[Named]) {
        let known: Vec<&str> = parts.iter().map(|part| &*part.name).collect();
        let order = block.get("policy_order").map_or(&[][..], Node::items);
        let mut named: Vec<(String, &Node)> = raw.policy_order.iter().cloned().zip(order).collect();
        let shares = block.get("rate_allocation").map_or(&[][..], Node::items);
        named.extend(raw.rate_allocation.iter().map(|one| one.policy.clone()).zip(shares));
        for (name, node) in named {
            if !known.contains(&name.as_str()) {
                let help =
                    closest(&name, known.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
                let help = help.unwrap_or_else(|| format!("the sub-policies are {}", known.join(", ")));
                self.wrong(node, format!("no sub-policy is named `{name}`"), help);
            }
        }
    }

    /// Puts the parts in the order of `policy_order`; says where the collector would decide otherwise.
    fn order(&mut self, block: &Node, raw: &RawComposite, parts: &mut [Named]) {
        let position = |part: &Named| raw.policy_order.iter().position(|name| *name == *part.name);
        let written: Vec<_> = parts.iter().map(|part| Arc::clone(&part.name)).collect();
        parts.sort_by_key(|part| position(part).unwrap_or(usize::MAX));
        if parts.iter().zip(&written).any(|(part, written)| part.name != *written) {
            let at = block.get("policy_order").unwrap_or(block);
            let message = "this order counts here; the collector goes by the order of `composite_sub_policy`";
            self.advise(at, message, "list the sub-policies in the same order, to have it everywhere");
        }
        let unallocated =
            parts.iter().find(|part| raw.rate_allocation.iter().all(|one| one.policy != *part.name));
        if let Some(part) = unallocated {
            let at = block.get("rate_allocation").unwrap_or(block);
            let message = format!(
                "`{}` has no share and may take what the total leaves; in the collector it gets nothing",
                part.name
            );
            self.advise(at, message, format!("give it one: `{{policy: {}, percent: 25}}`", part.name));
        }
    }
}
